import { type Signal, useSignal } from '@preact/signals'

/** What became of a click on "copy". */
export type CopyOutcome = 'none' | 'copied' | 'selected'

/** Copies `value` on demand; where the browser refuses, `select` marks it for the person's own copy. */
export function useCopy(value: string, select: () => void): { copy: () => void; outcome: Signal<CopyOutcome> } {
  const outcome = useSignal<CopyOutcome>('none')
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value)
      outcome.value = 'copied'
    } catch {
      select()
      outcome.value = 'selected'
    }
  }
  return { copy: () => void copy(), outcome }
}

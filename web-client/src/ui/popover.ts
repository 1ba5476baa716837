import type { Signal } from '@preact/signals'
import type { RefObject } from 'preact'
import { useEffect } from 'preact/hooks'

/** Closes what opens at a button when the person turns to something else, and by Escape, which gives
 * the focus back to the button, or to where it was when the button is not drawn. The first button inside `content` takes it when it opens. */
export function usePopover(
  open: Signal<boolean>,
  place: RefObject<HTMLElement | null>,
  button: RefObject<HTMLElement | null>,
  content: string,
): void {
  useEffect(() => {
    if (!open.value) return
    const away = (event: Event) => {
      if (event.target instanceof Node && place.current?.contains(event.target) === true) return
      open.value = false
    }
    const before = document.activeElement
    const closeByEscape = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return
      open.value = false
      button.current?.focus()
      if (document.activeElement !== button.current && before instanceof HTMLElement) before.focus()
    }
    const element = place.current
    element?.querySelector<HTMLElement>(`${content} button`)?.focus()
    element?.addEventListener('keydown', closeByEscape)
    document.addEventListener('pointerdown', away)
    document.addEventListener('focusin', away)
    return () => {
      element?.removeEventListener('keydown', closeByEscape)
      document.removeEventListener('pointerdown', away)
      document.removeEventListener('focusin', away)
    }
  }, [open.value])
}

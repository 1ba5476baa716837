// What those who are not let in are told. Chosen before, so that refusing stays one click.

import { type Signal, useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import { t } from '../../i18n'

/** The choice, as long as the room is open. */
export interface Reason {
  readonly chosen: Signal<Choice>
  readonly typed: Signal<string>
  /** What to say now; `null` for nothing. */
  words(): string | null
}

type Choice = 'none' | 'name' | 'class' | 'later' | 'own'

/** Nothing is said until something is chosen. */
export function useReason(): Reason {
  const chosen = useSignal<Choice>('none')
  const typed = useSignal('')
  return {
    chosen,
    typed,
    words() {
      const words = chosen.value === 'own' ? typed.value.trim() : chosen.value === 'none' ? '' : t(`lobby.reason.${chosen.value}`)
      return words === '' ? null : words
    },
  }
}

/** A choice of short sentences, or one's own. */
export function RefusalReason({ reason }: { reason: Reason }) {
  const id = useId()
  return (
    <div class="lobby-reason">
      <label for={id}>{t('lobby.reason')}</label>
      <select
        id={id}
        class="field"
        data-testid="lobby-reason"
        value={reason.chosen.value}
        onChange={(event) => {
          reason.chosen.value = event.currentTarget.value as Choice
        }}
      >
        {CHOICES.map((choice) => (
          <option key={choice} value={choice}>
            {t(`lobby.reason.${choice}`)}
          </option>
        ))}
      </select>
      {reason.chosen.value === 'own' && (
        <input
          class="field"
          type="text"
          maxLength={MAX_REASON_CHARS}
          autocomplete="off"
          data-testid="lobby-reason-typed"
          aria-label={t('lobby.reasonTyped')}
          placeholder={t('lobby.reasonTyped')}
          value={reason.typed}
          onInput={(event) => {
            reason.typed.value = event.currentTarget.value
          }}
        />
      )}
    </div>
  )
}

const CHOICES: readonly Choice[] = ['none', 'name', 'class', 'later', 'own']
/** Longer is no short reason any more; the server takes 2 000. */
const MAX_REASON_CHARS = 200

// For moderators, always in sight: the lock of the room, and the way out of an intrusion.

import { type Call, changeRules } from '../../call/store'
import { t } from '../../i18n'
import { Icon } from '../icons'
import type { Moderation } from './moderation'

/** The two buttons in the bar above the pictures. */
export function Guard({ call, moderation }: { call: Call; moderation: Moderation }) {
  const { rules } = call.state.value
  if (rules === null) return null
  const { locked } = rules.open
  return (
    <div class="guard" role="group" aria-label={t('guard.label')}>
      <button
        type="button"
        class="button button-quiet guard-button"
        data-testid="lock"
        aria-label={t('guard.lock')}
        aria-pressed={locked}
        onClick={() => {
          void call.ask(changeRules(rules.open, { locked: !locked }))
        }}
      >
        {/* A padlock says how the meeting is encrypted. */}
        <Icon name="key" />
        {/* Drawn by the style sheet: `aria-pressed` says it already, and the name is what one reads. */}
        <span class="guard-state" aria-hidden="true" data-state={t(locked ? 'guard.locked' : 'guard.open')} />
      </button>
      <button
        type="button"
        class="button button-quiet guard-button guard-alarm"
        data-testid="intrusion"
        onClick={() => {
          moderation.dialog.value = { name: 'intrusion' }
        }}
      >
        <Icon name="alert" />
        <span>{t('intrusion.open')}</span>
      </button>
    </div>
  )
}

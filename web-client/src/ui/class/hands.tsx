// Raised hands: the own one, and the queue that everybody of the own group sees.

import type { Call } from '../../call/store'
import type { ParticipantId } from '../../call/state'
import { t, tn } from '../../i18n'
import { Icon } from '../icons'

/** Raises or lowers the own hand. */
export function HandButton({ call }: { call: Call }) {
  const { life, selfId } = call.state.value
  const place = selfId === null ? -1 : life.hands.indexOf(selfId)
  const raised = place >= 0
  return (
    <button
      type="button"
      class="control control-toggle"
      data-testid="hand"
      aria-label={raised ? t('hand.namePlace', { place: place + 1 }) : t('hand.name')}
      aria-pressed={raised}
      onClick={() => {
        void call.ask({ type: 'raise_hand', raised: !raised })
      }}
    >
      <span class="control-icon">
        <Icon name="hand" />
        {raised && (
          // Drawn by the style sheet: the name says it already.
          <span class="badge" data-testid="hand-place" data-number={place + 1} />
        )}
      </span>
      <span class="control-name" aria-hidden="true">
        {t('hand.short')}
        <span class="control-state" data-state={t(raised ? 'hand.up' : 'hand.down')} />
      </span>
    </button>
  )
}

/** Who asks to speak, first first. Moderators lower a hand when its turn has come. */
export function HandQueue({ call }: { call: Call }) {
  const { life, participants, role, selfId } = call.state.value
  const { hands } = life
  if (hands.length === 0) return null
  const moderator = role === 'moderator'
  const names = new Map(participants.map(({ id, displayName }) => [id, displayName]))
  const shown = hands.slice(0, SHOWN)
  const lower = (participant: ParticipantId | null) => {
    void call.ask({ type: 'lower_hand', participant })
  }
  return (
    <div class="strip-item hands">
      <Icon name="hand" />
      <ol class="hand-queue" data-testid="hand-queue" aria-label={tn('hand.queue', hands.length)}>
        {shown.map((id) => {
          const name = names.get(id) ?? ''
          return (
            <li key={id} class="hand-entry" data-self={String(id === selfId)}>
              <span class="hand-name">{id === selfId ? t('hand.you') : name}</span>
              {moderator && (
                <button
                  type="button"
                  class="hand-lower"
                  data-testid="hand-lower"
                  aria-label={t('hand.lowerOne', { name })}
                  onClick={() => {
                    lower(id)
                  }}
                >
                  <Icon name="close" />
                </button>
              )}
            </li>
          )
        })}
      </ol>
      {hands.length > SHOWN && <span class="strip-more strip-more-wide">{tn('hand.more', hands.length - SHOWN)}</span>}
      {hands.length > SHOWN_NARROW && (
        <span class="strip-more strip-more-narrow">{tn('hand.more', hands.length - SHOWN_NARROW)}</span>
      )}
      {moderator && hands.length > 1 && (
        <button
          type="button"
          class="strip-action"
          data-testid="hand-lower-all"
          onClick={() => {
            lower(null)
          }}
        >
          {t('hand.lowerAll')}
        </button>
      )}
    </div>
  )
}

/** Most names of the queue that are drawn. Higher: a class that raises all its hands at once hides
 * its pictures; lower: a pupil does not see that their turn is near. */
const SHOWN = 6
/** On a phone, as the style sheet has it. */
const SHOWN_NARROW = 2

// Who waits to be let in, for moderators: one click for each, one for all.

import { useId } from 'preact/hooks'
import type { Call } from '../../call/store'
import { t, tn } from '../../i18n'
import { Icon } from '../icons'
import { initials, tint } from './face'

/** Stands over the pictures while somebody waits. */
export function Lobby({ call }: { call: Call }) {
  const id = useId()
  const { waiting } = call.state.value
  return (
    <div role="status">
      {waiting.length > 0 && (
        <section class="lobby" aria-labelledby={id}>
          <div class="lobby-head">
            <h2 id={id}>{tn('lobby.count', waiting.length)}</h2>
            <button
              type="button"
              class="button button-primary"
              data-testid="lobby-admit-all"
              onClick={() => {
                void call.ask({ type: 'admit', participants: null })
              }}
            >
              <Icon name="enter" />
              {t('lobby.admitAll')}
            </button>
          </div>
          <ul class="lobby-list">
            {waiting.map(({ id: participant, displayName }) => (
              <li key={participant} class="person" data-tint={tint(participant)}>
                <span class="face face-small" aria-hidden="true">
                  {initials(displayName)}
                </span>
                <span class="person-text person-name">{displayName}</span>
                <button
                  type="button"
                  class="button button-secondary"
                  data-testid="lobby-admit"
                  aria-label={t('lobby.admitOne', { name: displayName })}
                  onClick={() => {
                    void call.ask({ type: 'admit', participants: [participant] })
                  }}
                >
                  {t('lobby.admit')}
                </button>
                <button
                  type="button"
                  class="button button-icon"
                  data-testid="lobby-refuse"
                  aria-label={t('lobby.refuseOne', { name: displayName })}
                  onClick={() => {
                    void call.ask({ type: 'refuse_entry', participant, reason: null })
                  }}
                >
                  <Icon name="close" />
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  )
}

// Who waits to be let in, for moderators: one click for each, one for all.

import { useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import type { Waiting } from '../../call/state'
import type { Call } from '../../call/store'
import { t, tn } from '../../i18n'
import { Icon } from '../icons'
import { initials, tint } from './face'
import { RefusalReason, useReason } from './refusal-reason'

/** Stands beside the pictures, and covers none of their names, while somebody waits. */
export function Lobby({ call }: { call: Call }) {
  const id = useId()
  const folded = useSignal(false)
  const reason = useReason()
  const { waiting, rules } = call.state.value
  return (
    <div class="lobby-place">
      {waiting.length > 0 && (
        <section class="lobby" aria-labelledby={id}>
          <div class="lobby-head">
            <h2 id={id}>{tn('lobby.count', waiting.length)}</h2>
            <button
              type="button"
              class="button button-icon lobby-fold"
              data-testid="lobby-fold"
              aria-label={t('lobby.list')}
              aria-expanded={!folded.value}
              aria-controls={`${id}-list`}
              onClick={() => {
                folded.value = !folded.value
              }}
            >
              <Icon name={folded.value ? 'unfold' : 'fold'} />
            </button>
            <button
              type="button"
              class="button button-primary"
              data-testid="lobby-admit-all"
              onClick={() => {
                void call.ask({ type: 'admit', participants: null, admissions: [] })
              }}
            >
              <Icon name="enter" />
              {t('lobby.admitAll')}
            </button>
          </div>
          {!folded.value && (
            <div id={`${id}-list`} class="lobby-body">
              {rules?.open.locked === true && (
                <p class="lobby-locked">
                  <Icon name="lock" />
                  {t('lobby.locked')}
                </p>
              )}
              <ul class="lobby-list">
                {waiting.map((who) => (
                  <Row key={who.id} call={call} who={who} reason={reason.words()} />
                ))}
              </ul>
              <RefusalReason reason={reason} />
            </div>
          )}
        </section>
      )}
    </div>
  )
}

function Row({ call, who, reason }: { call: Call; who: Waiting; reason: string | null }) {
  const { id, displayName } = who
  return (
    <li class="person" data-tint={tint(id)}>
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
          void call.ask({ type: 'admit', participants: [id], admissions: [] })
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
          void call.ask({ type: 'refuse_entry', participant: id, reason })
        }}
      >
        <Icon name="close" />
      </button>
    </li>
  )
}

// Gestures and opinions: the choice of them, and what is shown of everybody's.

import { useSignal } from '@preact/signals'
import { useEffect, useId, useRef } from 'preact/hooks'
import type { Call } from '../../call/store'
import { t, tn } from '../../i18n'
import { Icon } from '../icons'
import { usePopover } from '../popover'
import { heapsOf, OPINIONS, REACTIONS, SHOWN_MS } from './gestures'
import type { ClassUi } from './ui'

/** The button of the bar, and the choice above it. */
export function ReactionMenu({ call, ui }: { call: Call; ui: ClassUi }) {
  const id = useId()
  const place = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const { reacting } = ui
  usePopover(reacting, place, button, '.reactions')
  return (
    <div ref={place} class="menu-place reaction-place">
      <button
        ref={button}
        type="button"
        class="control control-wide"
        data-testid="reactions"
        aria-expanded={reacting.value}
        aria-controls={reacting.value ? id : undefined}
        onClick={() => {
          reacting.value = !reacting.value
        }}
      >
        <span class="control-icon">
          <Icon name="smile" />
        </span>
        <span class="control-name">{t('react.open')}</span>
      </button>
      {reacting.value && (
        <div id={id} class="menu reactions" role="group" aria-label={t('react.title')}>
          <div class="reaction-row">
            {REACTIONS.map(({ name, icon, label }) => (
              <button
                key={name}
                type="button"
                class="reaction"
                data-testid={`reaction-${name}`}
                data-reaction={name}
                onClick={() => {
                  void call.ask({ type: 'react', reaction: name })
                }}
              >
                <Icon name={icon} />
                <span>{t(label)}</span>
              </button>
            ))}
          </div>
          <Opinions call={call} />
        </div>
      )}
    </div>
  )
}

function Opinions({ call }: { call: Call }) {
  const id = useId()
  const { opinions, ownOpinion } = call.state.value.life
  return (
    <div class="opinions" role="group" aria-labelledby={id}>
      <p id={id} class="help">
        {t('opinion.help')}
      </p>
      <div class="opinion-row">
        {OPINIONS.map(({ name, icon, label }) => (
          <button
            key={name}
            type="button"
            class="opinion"
            data-testid={`counter-${name}`}
            data-opinion={name}
            aria-pressed={ownOpinion === name}
            onClick={() => {
              call.holdOpinion(call.state.value.life.ownOpinion === name ? null : name)
            }}
          >
            <Icon name={icon} />
            <span>{t(label)}</span>
            <span class="opinion-count" data-testid={`counter-${name}-total`}>
              {opinions[name]}
            </span>
          </button>
        ))}
      </div>
    </div>
  )
}

/** Gestures of the last seconds, at the side of the pictures. Eyes only: the announcer tells them to
 * screen readers, and not one by one. */
export function ShownReactions({ call }: { call: Call }) {
  const now = useSignal(0)
  const { reactions } = call.state.value.life
  const newest = reactions.at(-1)
  const ends = useRef(new Set<ReturnType<typeof setTimeout>>())
  useEffect(
    () => () => {
      for (const end of ends.current) clearTimeout(end)
    },
    [],
  )
  useEffect(() => {
    if (newest === undefined) return
    now.value = performance.now()
    // Each gesture gets its own end; the last of them empties the place.
    const end = setTimeout(() => {
      ends.current.delete(end)
      now.value = performance.now()
    }, SHOWN_MS)
    ends.current.add(end)
  }, [newest?.key])
  const heaps = heapsOf(reactions, Math.max(now.value, newest?.at ?? 0))
  return (
    <ul class="shown-reactions" aria-hidden="true" data-testid="shown-reactions">
      {heaps.map(({ reaction, icon, first, count }) => (
        <li key={reaction} class="shown-reaction" data-reaction={reaction}>
          <Icon name={icon} />
          <span class="shown-name">{first}</span>
          {count > 1 && <span class="shown-more">{tn('react.more', count - 1)}</span>}
        </li>
      ))}
    </ul>
  )
}

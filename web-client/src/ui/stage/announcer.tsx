// Tells screen readers who came and went, without reading a whole class aloud.

import { useSignal, useSignalEffect } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { Call } from '../../call/store'
import type { Participant, ParticipantId } from '../../call/state'
import { t, tn } from '../../i18n'

/** A silent line of text that changes when the list of participants does. */
export function Announcer({ call }: { call: Call }) {
  const before = useRef<ReadonlyMap<ParticipantId, string> | null>(null)
  const text = useSignal('')
  useSignalEffect(() => {
    const now = names(call.state.value.participants)
    const then = before.current
    before.current = now
    if (then === null) return
    const arrived = missing(now, then)
    const departed = missing(then, now)
    if (arrived.length === 0 && departed.length === 0) return
    text.value = [
      say(arrived, (name) => t('call.arrived', { name }), (count) => tn('call.arrivedMany', count)),
      say(departed, (name) => t('call.departed', { name }), (count) => tn('call.departedMany', count)),
    ]
      .filter((sentence) => sentence !== '')
      .join(' ')
  })
  return (
    <p class="visually-hidden" role="status">
      {text.value}
    </p>
  )
}

function names(participants: readonly Participant[]): ReadonlyMap<ParticipantId, string> {
  return new Map(participants.filter(({ isSelf }) => !isSelf).map(({ id, displayName }) => [id, displayName]))
}

function missing(from: ReadonlyMap<ParticipantId, string>, other: ReadonlyMap<ParticipantId, string>): string[] {
  return [...from].filter(([id]) => !other.has(id)).map(([, name]) => name)
}

function say(who: readonly string[], one: (name: string) => string, many: (count: number) => string): string {
  if (who.length === 0) return ''
  return who.length === 1 ? one(who[0] ?? '') : many(who.length)
}

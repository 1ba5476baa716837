// What changed in class life, in sentences for screen readers and as a sound. Pure.

import type { CallState, Participant, ParticipantId } from '../../call/state'
import { t, tn } from '../../i18n'
import { groupName } from './group-name'
import type { Sound } from './sounds'

/** What there is to tell. */
export interface News {
  readonly sentences: readonly string[]
  readonly sound: Sound | null
}

/** What is new in `now`; `reading` while the written lines are on the screen, where they are read
 * anyway. Gestures and who comes are told apart from it, see `gesturesSince` and `comingsOf`. */
export function newsOf(before: CallState, now: CallState, reading: boolean): News {
  // A page that comes back is told everything at once: nothing of it is news.
  if (before.selfId !== now.selfId || now.selfId === null) return { sentences: [], sound: null }
  const { life } = now
  const sentences: string[] = []
  const raised = life.hands.filter((id) => id !== now.selfId && !before.life.hands.includes(id))
  if (raised.length === 1) sentences.push(t('hand.raised', { name: nameOf(now, raised[0]) }))
  if (raised.length > 1) sentences.push(tn('hand.raisedMany', raised.length))
  if (before.life.hands.includes(now.selfId) && !life.hands.includes(now.selfId)) sentences.push(t('hand.lowered'))
  // In an encrypted room its text may come a moment later.
  const asked = life.poll?.choices.length === 0 ? null : life.poll
  const askedBefore = before.life.poll?.choices.length === 0 ? null : before.life.poll
  if (asked !== null && asked.poll !== askedBefore?.poll) sentences.push(t('poll.opened', { question: asked.question }))
  if (life.result !== null && life.result !== before.life.result) sentences.push(t('poll.closed'))
  const own = groupOf(now.participants)
  if (own !== groupOf(before.participants)) {
    sentences.push(own === null ? t('group.back') : t('group.moved', { group: groupName(own) }))
  }
  const lines = life.chat.filter(({ key, isSelf }) => !isSelf && key >= before.life.nextKey)
  const [line] = lines
  if (!reading && lines.length === 1 && line !== undefined) sentences.push(t('chat.news', { name: line.displayName }))
  if (!reading && lines.length > 1) sentences.push(tn('chat.newsMany', lines.length))
  return { sentences, sound: soundOf(before, now, raised.length) }
}

/** Who came, went and began to wait between two moments, by number where it is more than one: thirty
 * names read out would talk over the lesson. `putOut`: of whom this page has said itself that they are gone. */
export function comingsOf(before: CallState, now: CallState, putOut: ReadonlySet<ParticipantId>): string[] {
  if (before.selfId !== now.selfId) return []
  const [then, here] = [namesOf(before.participants), namesOf(now.participants)]
  const known = new Set(before.waiting.map(({ id }) => id))
  return [
    say(missing(here, then), (name) => t('call.arrived', { name }), (count) => tn('call.arrivedMany', count)),
    say(missing(without(then, putOut), here), (name) => t('call.departed', { name }), (count) => tn('call.departedMany', count)),
    now.waiting.some(({ id }) => !known.has(id)) ? tn('lobby.count', now.waiting.length) : '',
  ].filter((sentence) => sentence !== '')
}

function namesOf(participants: readonly Participant[]): ReadonlyMap<ParticipantId, string> {
  return new Map(participants.filter(({ isSelf }) => !isSelf).map(({ id, displayName }) => [id, displayName]))
}

function without(people: ReadonlyMap<ParticipantId, string>, some: ReadonlySet<ParticipantId>): ReadonlyMap<ParticipantId, string> {
  return new Map([...people].filter(([id]) => !some.has(id)))
}

function missing(from: ReadonlyMap<ParticipantId, string>, other: ReadonlyMap<ParticipantId, string>): string[] {
  return [...from].filter(([id]) => !other.has(id)).map(([, name]) => name)
}

function say(who: readonly string[], one: (name: string) => string, many: (count: number) => string): string {
  if (who.length === 0) return ''
  return who.length === 1 ? one(who[0] ?? '') : many(who.length)
}

/** Gestures since a key, as one sentence; `null` for none but own ones. */
export function gesturesSince(state: CallState, key: number, labels: ReadonlyMap<string, string>): string | null {
  const others = state.life.reactions.filter((one) => one.key >= key && one.participant !== state.selfId)
  const [first] = others
  if (first === undefined) return null
  if (others.length > 1) return tn('react.many', others.length)
  return t('react.one', { name: first.displayName, reaction: labels.get(first.reaction) ?? '' })
}

function soundOf(before: CallState, now: CallState, raised: number): Sound | null {
  const helped = now.life.helpCalls.some((id) => !before.life.helpCalls.includes(id))
  if (raised > 0 || helped) return 'hand'
  const waited = new Set(before.waiting.map(({ id }) => id))
  if (now.waiting.some(({ id }) => !waited.has(id))) return 'knock'
  const known = new Set(before.participants.map(({ id }) => id))
  return now.participants.some(({ id }) => !known.has(id)) ? 'arrival' : null
}

function groupOf(participants: readonly Participant[]): number | null {
  return participants.find(({ isSelf }) => isSelf)?.group ?? null
}

function nameOf(state: CallState, id: string | undefined): string {
  return state.participants.find((one) => one.id === id)?.displayName ?? ''
}

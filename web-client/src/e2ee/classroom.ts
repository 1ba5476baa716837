// Class life in an encrypted room. The server passes on what it cannot read, so each page decides by
// itself what counts: the same rules as in an unencrypted room (crate `room`), applied to what members
// say. What comes out are the very messages that the call gets from the server elsewhere. Pure.

import {
  type ErrorCode,
  MAX_POLL_CHOICES,
  MAX_POLL_TEXT_CHARS,
  MAX_TEXT_CHARS,
  type OpenPoll,
  type Opinion,
  type OpinionTotals,
  type Rights,
  type Role,
  type ServerMessage,
} from '../protocol/generated'
import type { Request } from '../protocol/connection'
import { type ClassMessage, type ClassSnapshot, type Question, totalsOf } from './class-messages'
import { acceptName, acceptText } from './texts'

/** Whom a member speaks to, as in `mls_say`. */
export type Audience = 'everybody' | 'group' | 'moderators' | { readonly one: string }

/** Who said something: the participant whose leaf sealed it, with the role that their leaf proves. */
export interface Speaker {
  readonly participant: string
  readonly role: Role
}

/** Something to say. */
export interface Said {
  readonly audience: Audience
  readonly message: ClassMessage
}

/** What this page knows of the class. */
export interface Classroom {
  readonly self: string | null
  readonly role: Role
  /** What guests may do now; moderators may do everything. */
  readonly guests: Rights
  /** Whether a recording runs, which keeps names with answers. */
  readonly isRecorded: boolean
  /** Who is present as the server says, in order of arrival. */
  readonly people: ReadonlyMap<string, Person>
  /** The own name; `null` for the server's neutral one. */
  readonly ownName: string | null
  /** Raised hands of all groups, first raised first. */
  readonly hands: readonly string[]
  /** What oneself holds up. */
  readonly ownOpinion: Opinion | null
  /** Moderators: who holds up what. */
  readonly opinions: ReadonlyMap<string, Opinion>
  /** The totals everybody was last told. */
  readonly totals: OpinionTotals
  /** True when the totals have changed since they were told. */
  readonly totalsDue: boolean
  /** No totals are told before this, on the clock of `performance.now()`. */
  readonly quietUntil: number
  readonly poll: ClassPoll | null
  /** The question closed last, while its result is on the way. */
  readonly closed: Question | null
}

interface Person {
  /** The server's. */
  readonly neutral: string
  readonly group: number | null
  /** What they are called within the circle; `null` while nobody has said it. */
  readonly name: string | null
  /** True when they said it themselves. */
  readonly isOwnWord: boolean
  /** True when they said themselves whether their hand is up. */
  readonly isOwnHand: boolean
}

/** The question that is open at the server; its text may not be known yet. */
interface ClassPoll {
  readonly poll: number
  readonly ballots: number
  readonly question: Question | null
}

/** What became of something heard: what to tell the call, and what to say. */
export interface ClassStep {
  readonly classroom: Classroom
  readonly told: readonly ServerMessage[]
  readonly say: readonly Said[]
}

/** Before anything happened. */
export function enterClassroom(ownName: string | null): Classroom {
  return {
    self: null,
    role: 'guest',
    guests: NOTHING,
    isRecorded: false,
    people: new Map(),
    ownName: ownName === null ? null : acceptName(ownName),
    hands: [],
    ownOpinion: null,
    opinions: new Map(),
    totals: totalsOf([]),
    totalsDue: false,
    quietUntil: 0,
    poll: null,
    closed: null,
  }
}

/** What the server says, as the call shall hear it: names as members know them, and nothing of class
 * life that the server could make up. */
export function hearServer(room: Classroom, message: ServerMessage, at: number): ClassStep {
  switch (message.type) {
    case 'joined':
      return joined(room, message, at)
    case 'participant_joined': {
      const { participant, displayName, group } = message.participant
      const known = room.people.get(participant)
      const person = { neutral: displayName, group, name: known?.name ?? null, isOwnWord: known?.isOwnWord ?? false, isOwnHand: known?.isOwnHand ?? false }
      const next = { ...room, people: new Map(room.people).set(participant, person) }
      return step(next, [{ ...message, participant: { ...message.participant, displayName: shownName(person) } }])
    }
    case 'participant_left':
      return left(room, message)
    case 'groups_changed': {
      const people = new Map(room.people)
      for (const { participant, group } of message.places) {
        const person = people.get(participant)
        if (person !== undefined) people.set(participant, { ...person, group })
      }
      return step({ ...room, people }, [message, ...handsOf({ ...room, people })])
    }
    case 'rules_changed':
      return step({ ...room, guests: message.rules.open.guests }, [message])
    case 'recording_changed':
      return step({ ...room, isRecorded: message.recording !== null }, [message])
    case 'role_changed':
      return step(message.participant === room.self ? { ...room, role: message.role } : room, [message])
    case 'mls_poll_opened':
      return step({ ...room, poll: { poll: message.poll, ballots: 0, question: null }, closed: null }, [])
    case 'mls_ballots_counted':
      return countBallots(room, message.poll, message.ballots)
    case 'mls_poll_closed':
      return closePoll(room, message.poll)
    case 'participant_renamed':
    case 'hands_changed':
    case 'reacted':
    case 'opinions_changed':
    case 'chatted':
    case 'announced':
    case 'poll_changed':
    case 'poll_closed':
      // Members alone say these here.
      return step(room, [])
    default:
      return step(room, [message])
  }
}

/** What a member said to `audience`. What they may not say, or what cannot be shown, is dropped. */
export function hearMember(room: Classroom, from: Speaker, audience: Audience, message: ClassMessage): ClassStep {
  const person = room.people.get(from.participant)
  if (person === undefined) return step(room, [])
  const isModerator = from.role === 'moderator'
  const participant = from.participant
  switch (message.t) {
    case 'hello':
      return hello(room, from, message.name)
    case 'chat': {
      const text = acceptText(message.text, MAX_TEXT_CHARS)
      if (text === null || !mayRead(room, from, person, audience)) return step(room, [])
      return step(room, [{ type: 'chatted', participant, audience: audience === 'group' ? 'everybody' : 'moderators', text }])
    }
    case 'announce': {
      const text = acceptText(message.text, MAX_TEXT_CHARS)
      return step(room, isModerator && text !== null ? [{ type: 'announced', participant, text }] : [])
    }
    case 'hand': {
      const heard = { ...room, people: new Map(room.people).set(participant, { ...person, isOwnHand: true }) }
      if (room.hands.includes(participant) === message.raised) return step(heard, [])
      return raise(heard, message.raised ? [...room.hands, participant] : without(room.hands, participant))
    }
    case 'lower_hands': {
      if (!isModerator) return step(room, [])
      return raise(room, message.participant === null ? [] : without(room.hands, message.participant))
    }
    case 'gesture':
      if (person.group !== ownGroup(room)) return step(room, [])
      return step(room, [{ type: 'reacted', participant, reaction: message.reaction }])
    case 'opinion':
      return step(holdOpinion(room, participant, message.opinion), [])
    case 'opinions': {
      if (!isModerator) return step(room, [])
      const { totals, cleared } = message
      const next = cleared ? { ...room, ownOpinion: null, opinions: new Map<string, Opinion>(), totalsDue: false } : room
      return step({ ...next, totals }, [{ type: 'opinions_changed', totals, cleared }])
    }
    case 'question':
      // Nobody changes what has been asked already.
      return room.poll?.question === null ? openPoll(room, from, message.poll, message.question) : step(room, [])
    case 'poll_result':
      return isModerator ? pollResult(room, message) : step(room, [])
  }
}

/** What one who comes late is told of the class by one member. What people say of themselves counts
 * more, whenever it comes; what moderators alone say is taken from moderators. */
export function hearSnapshot(room: Classroom, from: Speaker, snapshot: ClassSnapshot): ClassStep {
  const people = new Map(room.people)
  const renamed: ServerMessage[] = []
  for (const [participant, typed] of snapshot.names) {
    const person = people.get(participant)
    const name = acceptName(typed)
    if (person === undefined || name === null || person.isOwnWord || participant === room.self) continue
    people.set(participant, { ...person, name })
    if (name !== shownName(person)) renamed.push({ type: 'participant_renamed', participant, displayName: name })
  }
  // Hands that went down meanwhile are down.
  const kept = room.hands.filter((id) => people.get(id)?.isOwnHand)
  const hands = [...new Set(snapshot.hands)].filter((id) => people.get(id)?.isOwnHand === false)
  const lively = { ...room, people, hands: [...hands, ...kept] }
  if (from.role !== 'moderator') return step(lively, [...renamed, ...handsOf(lively)])
  const next = { ...lively, totals: snapshot.totals }
  const told: ServerMessage[] = [...renamed, ...handsOf(next), { type: 'opinions_changed', totals: next.totals, cleared: false }]
  const { poll } = room
  const question = snapshot.question === null ? null : acceptQuestion(snapshot.question.question)
  if (poll === null || question === null || snapshot.question?.poll !== poll.poll || poll.question !== null) return step(next, told)
  const opened = { ...poll, question }
  return step({ ...next, poll: opened }, [...told, ...pollOf(opened)])
}

/** The class as one who comes late is told of it. */
export function snapshotOf(room: Classroom): ClassSnapshot {
  const names = [...room.people].flatMap(([id, { name }]) => (name === null ? [] : [[id, name] as const]))
  const { poll } = room
  const question = poll?.question == null ? null : { poll: poll.poll, question: poll.question }
  return { names, hands: room.hands, totals: room.totals, question }
}

/** The text of the question that the server numbered, as a member sealed it. */
export function openPoll(room: Classroom, from: Speaker, poll: number, asked: Question): ClassStep {
  const question = acceptQuestion(asked)
  if (from.role !== 'moderator' || question === null || room.poll?.poll !== poll) return step(room, [])
  const opened = { ...room.poll, question }
  return step({ ...room, poll: opened }, pollOf(opened))
}

/** So many have answered, says the server, who cannot read what. */
function countBallots(room: Classroom, poll: number, ballots: number): ClassStep {
  if (room.poll?.poll !== poll) return step(room, [])
  const counted = { ...room.poll, ballots }
  return step({ ...room, poll: counted }, pollOf(counted))
}

/** Nobody can answer any more; the result is on its way from whoever closed the question. */
function closePoll(room: Classroom, poll: number): ClassStep {
  if (room.poll?.poll !== poll) return step(room, [])
  // No question has this number, so there is none to show and no result yet.
  return step({ ...room, poll: null, closed: room.poll.question }, [{ type: 'poll_closed', poll: NO_POLL, results: [] }])
}

/** Tells the totals when they are due and oneself is the one who tells; see `totalsDue`. */
export function tellTotals(room: Classroom, at: number): ClassStep {
  if (!room.totalsDue || room.role !== 'moderator' || at < room.quietUntil) return step(room, [])
  const totals = totalsOf(room.opinions.values())
  const say: Said[] = [{ audience: 'everybody', message: { t: 'opinions', totals, cleared: false } }]
  return { classroom: { ...room, totalsDue: false, quietUntil: at + TOTALS_EVERY_MS }, told: [], say }
}

/** What a person's request becomes within the circle; a code when the rules do not let them, and
 * `null` for what the server itself answers. */
export function ask(room: Classroom, request: Request): Said | ErrorCode | null {
  const isModerator = room.role === 'moderator'
  const moderated = (message: ClassMessage): Said | ErrorCode => (isModerator ? { audience: 'everybody', message } : 'not_allowed')
  switch (request.type) {
    case 'rename': {
      const name = acceptName(request.displayName)
      if (!isModerator && !mayRename(room)) return 'not_allowed'
      return name === null ? 'name_invalid' : { audience: 'everybody', message: { t: 'hello', name } }
    }
    case 'chat': {
      const text = acceptText(request.text, MAX_TEXT_CHARS)
      if (request.audience === 'everybody' && !isModerator && !room.guests.chat) return 'not_allowed'
      if (text === null) return 'malformed'
      return { audience: request.audience === 'everybody' ? 'group' : 'moderators', message: { t: 'chat', text } }
    }
    case 'announce': {
      const text = acceptText(request.text, MAX_TEXT_CHARS)
      return text === null ? 'malformed' : moderated({ t: 'announce', text })
    }
    case 'raise_hand':
      return { audience: 'everybody', message: { t: 'hand', raised: request.raised } }
    case 'lower_hand':
      return moderated({ t: 'lower_hands', participant: request.participant })
    case 'react':
      return { audience: 'group', message: { t: 'gesture', reaction: request.reaction } }
    case 'set_opinion':
      return { audience: 'moderators', message: { t: 'opinion', opinion: request.opinion } }
    case 'clear_opinions':
      return moderated({ t: 'opinions', totals: totalsOf([]), cleared: true })
    default:
      return null
  }
}

/** A question as it can be shown; `null` for one that cannot. */
export function acceptQuestion(asked: Question): Question | null {
  const question = acceptText(asked.question, MAX_POLL_TEXT_CHARS)
  const choices = asked.choices.map((choice) => acceptText(choice, MAX_POLL_TEXT_CHARS)).filter((choice) => choice !== null)
  const isWhole = choices.length === asked.choices.length && choices.length >= 2 && choices.length <= MAX_POLL_CHOICES
  return question === null || !isWhole ? null : { ...asked, question, choices }
}

function joined(room: Classroom, message: Extract<ServerMessage, { type: 'joined' }>, at: number): ClassStep {
  const self = message.participant
  // Somebody else's page from now on: a new participant begins anew.
  const before = room.self === null || room.self === self ? room : enterClassroom(room.ownName)
  const people = new Map<string, Person>()
  const note = (id: string, neutral: string, group: number | null) => {
    const known = before.people.get(id)
    // Whoever was cut off may have missed a newer name of somebody's.
    const isOwnWord = known?.isOwnWord === true && (id === self || !message.resumed)
    people.set(id, { neutral, group, name: known?.name ?? null, isOwnWord, isOwnHand: known?.isOwnHand === true && !message.resumed })
  }
  note(self, message.displayName, message.own.group)
  for (const { participant, displayName, group } of message.participants) note(participant, displayName, group)
  const { state } = message
  const open = state.sealedPoll
  const poll = open === null ? null : { poll: open.poll, ballots: open.ballots, question: before.poll?.poll === open.poll ? before.poll.question : null }
  const next: Classroom = {
    ...before,
    self,
    role: message.role,
    guests: message.rules.open.guests,
    isRecorded: message.state.recording !== null,
    people,
    hands: before.hands.filter((id) => people.has(id)),
    opinions: new Map([...before.opinions].filter(([id]) => people.has(id))),
    poll,
    // Others say first what they hold up.
    quietUntil: at + TOTALS_EVERY_MS,
  }
  const nameOf = (id: string, neutral: string) => people.get(id)?.name ?? neutral
  const told: ServerMessage = {
    ...message,
    displayName: next.ownName ?? nameOf(self, message.displayName),
    participants: message.participants.map((info) => ({ ...info, displayName: nameOf(info.participant, info.displayName) })),
    state: {
      ...state,
      hands: nearHands(next),
      opinions: next.totals,
      poll: poll === null ? null : shownPoll(poll),
    },
    own: { ...message.own, opinion: next.ownOpinion },
  }
  return step(next, [told])
}

function left(room: Classroom, message: Extract<ServerMessage, { type: 'participant_left' }>): ClassStep {
  const { participant } = message
  if (participant === room.self) return step(room, [message])
  const people = new Map(room.people)
  people.delete(participant)
  const opinions = new Map(room.opinions)
  opinions.delete(participant)
  const hands = without(room.hands, participant)
  // Whoever left may have been the one who tells the totals.
  const next = { ...room, people, opinions, hands, totalsDue: room.totalsDue || !isSame(totalsOf(opinions.values()), room.totals) }
  return step(next, [message, ...(hands.length === room.hands.length ? [] : handsOf(next))])
}

function hello(room: Classroom, from: Speaker, typed: string): ClassStep {
  const person = room.people.get(from.participant)
  const name = acceptName(typed)
  if (person === undefined || name === null) return step(room, [])
  const { participant } = from
  // The first word of somebody about themselves is good; another name needs the right to it.
  const isAllowed = !person.isOwnWord || name === person.name || from.role === 'moderator' || mayRename(room)
  const named = isAllowed ? { ...person, name, isOwnWord: true } : person
  const next = {
    ...room,
    people: new Map(room.people).set(participant, named),
    ownName: participant === room.self ? named.name : room.ownName,
  }
  const told: ServerMessage[] =
    shownName(named) === shownName(person) ? [] : [{ type: 'participant_renamed', participant, displayName: shownName(named) }]
  // A moderator who has just come knows nobody's opinion.
  const isNewModerator = from.role === 'moderator' && participant !== room.self && room.ownOpinion !== null
  const say: Said[] = isNewModerator ? [{ audience: { one: participant }, message: { t: 'opinion', opinion: room.ownOpinion } }] : []
  return { classroom: next, told, say }
}

/** Whether guests may be called otherwise than before: by the rules, or because a recording asks them.
 * Who has answered it is known to the server alone, so no page holds the others to that. */
function mayRename({ guests, isRecorded }: Classroom): boolean {
  return guests.rename || isRecorded
}

/** Everybody's lines reach the own group from those who may write; a line to the moderators reaches
 * moderators, and whoever wrote it. */
function mayRead(room: Classroom, from: Speaker, person: Person, audience: Audience): boolean {
  if (audience === 'group') return person.group === ownGroup(room) && (from.role === 'moderator' || room.guests.chat)
  return audience === 'moderators' && (room.role === 'moderator' || from.participant === room.self)
}

function holdOpinion(room: Classroom, participant: string, opinion: Opinion | null): Classroom {
  const own = participant === room.self ? { ownOpinion: opinion } : {}
  if (room.role !== 'moderator') return { ...room, ...own }
  const opinions = new Map(room.opinions)
  if (opinion === null) opinions.delete(participant)
  else opinions.set(participant, opinion)
  return { ...room, ...own, opinions, totalsDue: !isSame(totalsOf(opinions.values()), room.totals) }
}

function raise(room: Classroom, hands: readonly string[]): ClassStep {
  if (hands.length === room.hands.length) return step(room, [])
  const next = { ...room, hands }
  return step(next, handsOf(next))
}

function pollResult(room: Classroom, { poll, results }: Extract<ClassMessage, { t: 'poll_result' }>): ClassStep {
  const { closed } = room
  if (closed?.choices.length !== results.length) return step(room, [])
  const shown: OpenPoll = { poll, question: closed.question, choices: [...closed.choices], ballots: results.reduce((sum, one) => sum + one, 0) }
  return step({ ...room, closed: null }, [
    { type: 'poll_changed', poll: shown },
    { type: 'poll_closed', poll, results: [...results] },
  ])
}

function handsOf(room: Classroom): ServerMessage[] {
  return [{ type: 'hands_changed', hands: nearHands(room) }]
}

function nearHands(room: Classroom): string[] {
  const group = ownGroup(room)
  return room.hands.filter((id) => room.people.get(id)?.group === group)
}

function ownGroup(room: Classroom): number | null | undefined {
  return room.people.get(room.self ?? '')?.group
}

function pollOf(poll: ClassPoll): ServerMessage[] {
  return poll.question === null ? [] : [{ type: 'poll_changed', poll: shownPoll(poll) }]
}

/** Without its text while that is on the way: screens show nothing of it yet. */
function shownPoll({ poll, ballots, question }: ClassPoll): OpenPoll {
  return { poll, ballots, question: question?.question ?? '', choices: [...(question?.choices ?? [])] }
}

function shownName({ name, neutral }: Person): string {
  return name ?? neutral
}

function without(ids: readonly string[], gone: string): readonly string[] {
  return ids.filter((id) => id !== gone)
}

function isSame(one: OpinionTotals, other: OpinionTotals): boolean {
  return one.yes === other.yes && one.no === other.no && one.slower === other.slower && one.faster === other.faster
}

function step(classroom: Classroom, told: readonly ServerMessage[]): ClassStep {
  return { classroom, told, say: [] }
}

const NOTHING: Rights = { microphone: false, camera: false, screen: false, chat: false, rename: false }
/** Questions are numbered from 1. */
const NO_POLL = 0
/** Lower: more messages to everybody while a class makes up its mind. Higher: numbers that lag. */
const TOTALS_EVERY_MS = 1_000

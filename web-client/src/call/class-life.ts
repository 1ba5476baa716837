// Class life as this page knows it: hands, opinions, the timer, the question, what was written. Pure,
// like call.ts, which hands it the messages that concern it.

import type {
  ChatAudience,
  OpenPoll,
  Opinion,
  OpinionTotals,
  OwnState,
  Reaction,
  RoomState,
  ServerMessage,
} from '../protocol/generated'
import type { Participant, ParticipantId } from './state'

/** What goes on in the room beside media. */
export interface ClassLife {
  /** Raised hands of the own group, first raised first. */
  readonly hands: readonly ParticipantId[]
  readonly opinions: OpinionTotals
  /** What oneself holds up. */
  readonly ownOpinion: Opinion | null
  /** When the timer ends, on the clock of `performance.now()`; `null` when there is none. */
  readonly timerEndsAt: number | null
  /** Whom the moderators show large to everybody. */
  readonly spotlight: ParticipantId | null
  readonly poll: Poll | null
  /** The question closed last, until the next opens or it is put away. */
  readonly result: PollResult | null
  /** What was written since oneself came, oldest first. Kept by this page alone. */
  readonly chat: readonly ChatLine[]
  /** Latest gestures, newest last. */
  readonly reactions: readonly ShownReaction[]
  /** What a moderator shows everybody, until it is put away. */
  readonly announcement: Announcement | null
  /** Moderators: who called for help from their group, first first, until it is put away. */
  readonly helpCalls: readonly ParticipantId[]
  readonly nextKey: number
}

/** An open question, and whether oneself has answered it. */
export interface Poll extends OpenPoll {
  readonly hasVoted: boolean
  /** The number of the own answer, kept by this page alone: a page that was loaded anew knows only
   * that there is one. */
  readonly choice: number | null
}

/** A closed question. */
export interface PollResult {
  readonly poll: number
  readonly question: string
  readonly choices: readonly string[]
  /** How many chose each answer. */
  readonly results: readonly number[]
}

/** One written line. */
export interface ChatLine {
  readonly key: number
  readonly participant: ParticipantId
  /** The writer's pseudonym when it was written: they may have left or changed it since. */
  readonly displayName: string
  readonly isSelf: boolean
  readonly audience: ChatAudience
  readonly text: string
  /** When it came, on the clock of `performance.now()`. */
  readonly at: number
}

/** One gesture of somebody. */
export interface ShownReaction {
  readonly key: number
  readonly participant: ParticipantId
  readonly displayName: string
  readonly reaction: Reaction
  /** When it came, on the clock of `performance.now()`. */
  readonly at: number
}

/** A line shown to everybody in whatever group. */
export interface Announcement {
  readonly key: number
  readonly displayName: string
  readonly text: string
}

/** Nothing goes on. */
export const QUIET_LIFE: ClassLife = {
  hands: [],
  opinions: { yes: 0, no: 0, slower: 0, faster: 0 },
  ownOpinion: null,
  timerEndsAt: null,
  spotlight: null,
  poll: null,
  result: null,
  chat: [],
  reactions: [],
  announcement: null,
  helpCalls: [],
  nextKey: 1,
}

/** Messages that concern class life. */
export type LifeMessage = Extract<
  ServerMessage,
  {
    type:
      | 'hands_changed'
      | 'reacted'
      | 'opinions_changed'
      | 'timer_changed'
      | 'spotlight_changed'
      | 'chatted'
      | 'announced'
      | 'poll_changed'
      | 'poll_closed'
      | 'help_called'
  }
>

/** What `joined` says of it; what was written before and is still on the page stays, and so do the
 * calls for help of those who are still there. */
export function enterLife(
  life: ClassLife,
  state: RoomState,
  own: OwnState,
  present: ReadonlySet<string>,
  at: number,
): ClassLife {
  const choice = state.poll !== null && state.poll.poll === life.poll?.poll ? life.poll.choice : null
  return {
    ...life,
    hands: state.hands as ParticipantId[],
    opinions: state.opinions,
    timerEndsAt: state.timerMs === null ? null : at + state.timerMs,
    spotlight: state.spotlight as ParticipantId | null,
    ownOpinion: own.opinion,
    poll: state.poll === null ? null : { ...state.poll, hasVoted: own.hasVoted, choice: own.hasVoted ? choice : null },
    result: state.poll === null ? life.result : null,
    helpCalls: life.helpCalls.filter((id) => present.has(id)),
  }
}

/** One step; `at` is the time on the clock of `performance.now()`. */
export function hearLife(
  life: ClassLife,
  message: LifeMessage,
  participants: readonly Participant[],
  at: number,
): ClassLife {
  const named = (id: string) => participants.find((participant) => participant.id === id)
  const nameOf = (id: string) => named(id)?.displayName ?? ''
  switch (message.type) {
    case 'hands_changed':
      return { ...life, hands: message.hands as ParticipantId[] }
    case 'opinions_changed':
      return { ...life, opinions: message.totals, ownOpinion: message.cleared ? null : life.ownOpinion }
    case 'timer_changed':
      return { ...life, timerEndsAt: message.timerMs === null ? null : at + message.timerMs }
    case 'spotlight_changed':
      return { ...life, spotlight: message.participant as ParticipantId | null }
    case 'poll_changed': {
      const same = life.poll?.poll === message.poll.poll ? life.poll : null
      const own = { hasVoted: same?.hasVoted ?? false, choice: same?.choice ?? null }
      return { ...life, poll: { ...message.poll, ...own }, result: null }
    }
    case 'poll_closed': {
      if (life.poll?.poll !== message.poll) return { ...life, poll: null }
      const { poll, question, choices } = life.poll
      return { ...life, poll: null, result: { poll, question, choices, results: message.results } }
    }
    case 'chatted': {
      const line: ChatLine = {
        key: life.nextKey,
        participant: message.participant as ParticipantId,
        displayName: nameOf(message.participant),
        isSelf: named(message.participant)?.isSelf ?? false,
        audience: message.audience,
        text: message.text,
        at,
      }
      return { ...life, chat: [...life.chat, line].slice(-MAX_LINES), nextKey: life.nextKey + 1 }
    }
    case 'reacted': {
      const { reaction } = message
      const participant = message.participant as ParticipantId
      const shown = { key: life.nextKey, participant, displayName: nameOf(participant), reaction, at }
      return { ...life, reactions: [...life.reactions, shown].slice(-MAX_REACTIONS), nextKey: life.nextKey + 1 }
    }
    case 'announced': {
      const announcement = { key: life.nextKey, displayName: nameOf(message.participant), text: message.text }
      return { ...life, announcement, nextKey: life.nextKey + 1 }
    }
    case 'help_called': {
      const participant = message.participant as ParticipantId
      return { ...life, helpCalls: [...life.helpCalls.filter((id) => id !== participant), participant] }
    }
  }
}

/** Something the person did that shows before, or without, the server's word. */
export type LifeEvent =
  | { type: 'hold_opinion'; opinion: Opinion | null }
  /** Without a choice: the vote was not counted. */
  | { type: 'voted'; poll: number; choice: number | null }
  | { type: 'put_away'; what: 'announcement' | 'result' }
  | { type: 'put_away_help'; participant: ParticipantId }

/** One step by the person. */
export function changeLife(life: ClassLife, event: LifeEvent): ClassLife {
  switch (event.type) {
    case 'hold_opinion':
      return { ...life, ownOpinion: event.opinion }
    case 'voted':
      if (life.poll?.poll !== event.poll) return life
      return { ...life, poll: { ...life.poll, hasVoted: event.choice !== null, choice: event.choice } }
    case 'put_away':
      return { ...life, [event.what]: null }
    case 'put_away_help':
      return { ...life, helpCalls: life.helpCalls.filter((id) => id !== event.participant) }
  }
}

/** Somebody left: what they called for is moot. */
export function leaveLife(life: ClassLife, participant: string): ClassLife {
  const helpCalls = life.helpCalls.filter((id) => id !== participant)
  return helpCalls.length === life.helpCalls.length ? life : { ...life, helpCalls }
}

/** Most lines kept. Higher: more memory for a talkative class; lower: less to scroll back to. */
const MAX_LINES = 500
/** More at once cannot be told apart. */
const MAX_REACTIONS = 24

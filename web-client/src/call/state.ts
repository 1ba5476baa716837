// What the interface draws: one immutable picture of the call. The reducer in call.ts makes the
// next one; nothing here touches the DOM or WebRTC.

import type {
  ErrorCode,
  GoodbyeReason,
  Quality,
  Rights,
  Role,
  RoomRules,
  TrackSource,
} from '../protocol/generated'
import type { EncryptionProblem } from '../e2ee/support'
import type { ClassLife } from './class-life'
import type { Recording } from './recording'

/** Why a picture that is on does not come: the path has no room for it, or this browser does not play
 * its codec. */
export type Absence = 'paused' | 'unplayable'

/** Participant id as the server writes it; branded so that it is not mixed with other strings. */
export type ParticipantId = string & { readonly brand: 'ParticipantId' }

/** Where the page stands. Each value has exactly one screen. */
export type Phase =
  /** The link is read; the person has not clicked "join" yet. */
  | { name: 'prejoin' }
  /** Join clicked: the socket or the answer is on its way. */
  | { name: 'joining' }
  /** The moderators have to let the person in. Nothing of the room is known. */
  | { name: 'waiting' }
  /** In the room. */
  | { name: 'in_call' }
  /** Left on purpose or the room ended: the calm last page. */
  | { name: 'left'; reason: GoodbyeReason | 'left'; note: string | null }
  /** Cannot go on. `retry` says whether a "try again" button makes sense. */
  | { name: 'failed'; problem: Problem; retry: boolean }

/** A named cause, from the server or from the browser; every one has a sentence in each language. */
export type Problem = ErrorCode | LocalProblem
export type LocalProblem =
  /** This browser cannot take part in an encrypted room. */
  | EncryptionProblem
  /** The fragment of the link is missing or cut. */
  | 'link_incomplete'
  /** No WebRTC in this browser. */
  | 'browser_unsupported'
  /** The page is not in a secure context, so no camera or microphone can be opened. */
  | 'insecure_context'
  /** The server cannot be reached by WebSocket. */
  | 'server_unreachable'
  /** Media (UDP) cannot get through although signaling does. */
  | 'media_blocked'
  /** No such device on this machine. */
  | 'microphone_missing'
  | 'camera_missing'
  /** The person or the browser's settings refused. */
  | 'microphone_refused'
  | 'camera_refused'
  | 'screen_refused'
  /** Another program holds the device. */
  | 'microphone_busy'
  | 'camera_busy'
  | 'screen_failed'
  /** This page was resumed elsewhere. */
  | 'replaced'
  /** A moderator, or a rule of the room, turned an own source off. */
  | 'microphone_stopped'
  | 'camera_stopped'
  | 'screen_stopped'
  /** A moderator asks for it; only the person's own click turns it on. */
  | 'microphone_asked'
  | 'camera_asked'
  | 'screen_asked'
  /** The rules of the room do not let oneself turn it on. */
  | 'microphone_forbidden'
  | 'camera_forbidden'
  | 'screen_forbidden'
  /** The server says that the room is not encrypted, or otherwise than the link says. */
  | 'encryption_missing'
  | 'encryption_other_flags'
  | 'encryption_other_key'
  /** The clock of this machine, or of whoever admitted, is wrong. */
  | 'clock_wrong'
  /** Nobody present may let this page into the circle. */
  | 'not_admitted'
  /** Somebody became a moderator. */
  | 'moderator_appeared'
  /** The server or a member tried what the circle refused. */
  | 'circle_refused'
  /** Pictures or sound came in clear, and were dropped. */
  | 'frames_refused'
  /** What encrypts in this page failed again and again. */
  | 'encryption_stopped'
  /** The answers to a question are for another moderator's eyes. */
  | 'ballots_unreadable'
  /** A moderator passed the role on, or took it back. */
  | 'role_given'
  | 'role_taken'

/** State of the two connections, as one word for people. */
export type Connection =
  | 'connected'
  /** Signaling is cut, media may still flow; reconnecting by itself. */
  | 'reconnecting'
  /** The server said it restarts; waiting for it. */
  | 'server_restarting'
  /** Signaling is fine, media is being (re)established. */
  | 'media_connecting'

/** State of one of the person's own devices. */
export type DeviceState =
  | 'off'
  /** Clicked: the browser is asking or opening. */
  | 'opening'
  /** Opened and previewed, nothing sent yet (camera only). */
  | 'preview'
  | 'on'

/** One remote or own participant, as a tile shows it. */
export interface Participant {
  readonly id: ParticipantId
  readonly displayName: string
  readonly role: Role
  readonly isSelf: boolean
  readonly away: boolean
  /** How well the server reaches them, as it told last. */
  readonly quality: Quality
  /** Sources that are on, in no order. */
  readonly active: ReadonlySet<TrackSource>
  /** The group they are in; `null` for the whole class. */
  readonly group: number | null
  /** Moderators only: verifier of the personal link they came by. Whose it is, only the page that
   * made the link knows. */
  readonly handle: string | null
  /** Moderators only: what was granted to them beyond the rules. */
  readonly granted: Rights | null
}

/** Several people in one line. */
export function namesOf(people: readonly Participant[]): string {
  return people.map(({ displayName }) => displayName).join(', ')
}

/** Those whom oneself can see and hear: of the own group, or of the whole class outside the groups. */
export function nearby(participants: readonly Participant[]): readonly Participant[] {
  const own = participants.find(({ isSelf }) => isSelf)?.group ?? null
  return participants.filter(({ group }) => group === own)
}

/** Something to tell the person without ending anything; dismissed by them or replaced. */
export interface Notice {
  readonly key: number
  readonly problem: Problem
}

/** Somebody who asks to be let in; moderators alone know of them. */
export interface Waiting {
  readonly id: ParticipantId
  readonly displayName: string
}

/** Everything the screens need. */
export interface CallState {
  readonly phase: Phase
  readonly connection: Connection
  readonly selfId: ParticipantId | null
  readonly role: Role | null
  readonly rules: RoomRules | null
  /** What oneself may do now. */
  readonly rights: Rights | null
  /** When the server restarts at the latest, on the clock of `performance.now()`; `null` while that is
   * not announced. */
  readonly restartsAt: number | null
  /** Generation of the guest link that is good now; moderators are told when it changes. */
  readonly linkGeneration: number
  /** True while the moderators alone see the own camera. */
  readonly moderatorsOnly: boolean
  readonly life: ClassLife
  /** The recording that runs, and the own answer to it. */
  readonly recording: Recording
  /** Who waits to be let in, first come first. */
  readonly waiting: readonly Waiting[]
  /** In order of arrival, oneself first. */
  readonly participants: readonly Participant[]
  readonly microphone: DeviceState
  readonly camera: DeviceState
  readonly screen: DeviceState
  /** True while the person asked to receive as little as a meeting needs: no cameras, the loudest
   * voices, a shared screen as stills. */
  readonly saving: boolean
  /** Latest things to tell, newest last, at most three. */
  readonly notices: readonly Notice[]
}

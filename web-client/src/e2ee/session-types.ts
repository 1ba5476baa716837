// What the call works with in an encrypted room.

import type { ReadonlySignal } from '@preact/signals'
import type { Link } from '../link'
import type { Request } from '../protocol/connection'
import type { Role, SayAudience, ServerMessage } from '../protocol/generated'
import type { ParticipantId } from './admission'
import type { ClassMessage, ClassSnapshot, Question } from './class-messages'
import type { FrameCounters, TrackSource } from './frame-messages'
import type { LinkFault, RoomCode } from './link-keys'
import type { OwnKeys } from './own-keys'
import type { Level } from './sframe'

/** What a page keeps of itself across a reload, beside the session token. */
export interface KeptIdentity {
  /** Seed of the member key, base64url. */
  readonly seed: string
  /** Whom the admission is for; `null` before the server has said it. */
  readonly participant: ParticipantId | null
  /** The admission by which it is a member, base64url; `null` where there is none yet. */
  readonly admission: string | null
  /** Generation of the guest link in its address; `null` before the server has said it. */
  readonly generation: number | null
}

/** What a session works with. */
export interface SessionAround {
  /** Asks the server; rejects with `RequestError`. */
  request(request: Request): Promise<unknown>
  /** This page is a member now, or again: time to say `hello`. */
  handleMember(): void
  /** A member said something of class life. The role is the one their leaf, or a delegation, proves. */
  handleSaid(from: { participant: ParticipantId; role: Role }, audience: SayAudience, message: ClassMessage): void
  /** What goes on, as one member knows it: whoever let this page in, or whom it asked. */
  handleSnapshot(from: { participant: ParticipantId; role: Role }, snapshot: ClassSnapshot): void
  /** What goes on, for somebody who comes in or back. */
  snapshot(): ClassSnapshot
  /** The guest link is another one from now on: for the address, for who holds a guest link. */
  handleLink(link: Link): void
  /** What to keep beside the session token from now on. */
  handleIdentity(identity: KeptIdentity): void
}

/** Where this page stands. */
export type SessionState =
  /** Not asked yet, or in the lobby. */
  | 'outside'
  /** Waits for an admission by a moderator. */
  | 'asking'
  /** Waits for a member to let it into the circle. */
  | 'joining'
  /** Sees and hears. */
  | 'member'
  /** Refused what the server or somebody in the circle did, and begins anew. */
  | 'broken'
  /** Will not join; see `fault`. */
  | 'refused'

/** Why a page will not join, or is not let in. */
export type SessionFault =
  | LinkFault
  /** The clock of this machine, or of whoever admitted, is wrong by more than half a day. */
  | 'clock'
  /** The guest link was replaced while the page was away. */
  | 'link_ended'
  /** Nobody who was let in may let this page in: the link is not enough here. */
  | 'not_admitted'

/** One member, as it is shown. */
export interface MemberInfo {
  readonly participant: ParticipantId
  readonly leaf: number
  /** As the leaf proves it; a delegate's comes with the host key's word. */
  readonly role: Role
}

/** A question that could be read. */
export interface OpenedQuestion {
  /** Of whoever asked it. */
  readonly role: Role
  readonly question: Question
  /** Where this page asked it: those who came too late to read it. */
  readonly missedBy: readonly ParticipantId[]
}

/** Something people should know; shown once. */
export type SessionWarning =
  /** The server, or a member, tried what the circle refused. */
  | { readonly kind: 'refused'; readonly why: string }
  /** Somebody became a moderator who was none. */
  | { readonly kind: 'moderator'; readonly participant: ParticipantId }
  /** The worker that encrypts stopped and was replaced. */
  | { readonly kind: 'worker' }
  /** A clock is wrong, so this page cannot believe the members; it tries again a few times, and as soon as
   * its own clock is set. */
  | { readonly kind: 'clock' }

/** Frames of one connection's sections. */
export interface FrameDoor {
  /** Encrypts what `sender` sends, before anything is sent: to be called as soon as there is one. */
  attachSender(sender: RTCRtpSender, source: TrackSource): void
  /** Decrypts what `receiver` gets, before anything is played. Nothing comes out until `expect`. */
  attachReceiver(receiver: RTCRtpReceiver): void
  /** Whose track the section is meant to carry; `null` for none. All else is dropped. */
  expect(receiver: RTCRtpReceiver, track: { readonly participant: ParticipantId; readonly source: TrackSource } | null): void
  /** The codecs of a negotiated section by payload type, for browsers that do not say it of frames. */
  setCodecs(of: RTCRtpSender | RTCRtpReceiver, mimeTypes: ReadonlyMap<number, string>): void
  /** The connection is gone: forgets its sections. */
  detachAll(): void
  /** What was counted, by participant and source. */
  counters(): Promise<FrameCounters>
  /** True once nothing is sent or opened any more, until the page is loaded anew. */
  readonly isGivenUp: ReadonlySignal<boolean>
  /** How often people are to be told that frames came in clear, which were dropped. */
  readonly intrusions: ReadonlySignal<number>
}

/** One page in the circle of an encrypted room. */
export interface EncryptedSession {
  readonly state: ReadonlySignal<SessionState>
  readonly fault: ReadonlySignal<SessionFault | null>
  readonly warnings: ReadonlySignal<readonly SessionWarning[]>
  /** The room's code; `null` until the server named the host key of the link. */
  readonly code: ReadonlySignal<RoomCode | null>
  /** The host key of the link, Ed25519; `null` until then as well. */
  readonly hostKey: Uint8Array<ArrayBuffer> | null
  /** Who is present, and how many of them are in the circle; oneself included. */
  readonly counts: ReadonlySignal<{ readonly present: number; readonly encrypted: number }>
  readonly members: ReadonlySignal<ReadonlyMap<ParticipantId, MemberInfo>>
  /** Guest secret that is good now, for names in the lobby; `null` until it is known. */
  readonly guestSecret: ReadonlySignal<Uint8Array<ArrayBuffer> | null>
  /** The circle's epoch; `null` outside. */
  readonly epoch: ReadonlySignal<number | null>
  readonly frames: FrameDoor
  /** What this page seals with in the newest epoch; `null` outside. Another one with each epoch, and
   * with each root of a narrow level. */
  readonly ownKeys: ReadonlySignal<OwnKeys | null>

  /** Takes the circle to another epoch; done once this page seals in it. Rejects with `RequestError`
   * where that takes too long. */
  rotate(): Promise<void>
  /** What `join` carries. */
  joinPart(name: string | null): Promise<{ readonly memberKey: string; readonly sealedName: string | null }>
  /** Everything the server says, in order. */
  hear(message: ServerMessage): void
  /** Says something to members. Rejects with `RequestError`; `encryption_required` outside the circle. */
  say(message: ClassMessage, audience: SayAudience): Promise<void>
  /** Admissions for those who wait in the lobby, for `admit`; only moderators can give any. */
  admit(candidates: readonly { readonly participant: ParticipantId; readonly memberKey: string }[]): Promise<
    { participant: ParticipantId; admission: string }[]
  >
  /** Those who were let into the room and have nobody's word yet; for moderators. Where there is no
   * lobby, and for those this page admitted, the word is given without a click. */
  readonly asking: ReadonlySignal<ReadonlyMap<ParticipantId, string>>
  /** Gives one of those who ask this page's word. */
  grant(participant: ParticipantId): Promise<void>
  /** This person, a moderator, decided whether there is a lobby: tells the circle. */
  sayPolicy(lobby: boolean): Promise<void>
  /** This page is about to replace the guest link: tells the circle, once those who are gone or being put
   * out have no part in it. */
  sayLink(generation: number): Promise<void>
  /** This page puts somebody out, or could not. */
  putOut(participant: ParticipantId, isOut: boolean): void
  /** This page, with the moderator link, made somebody a moderator: signs that for the circle. */
  admitDelegate(participant: ParticipantId): Promise<void>
  /** Who hears and sees one beyond level 0: the own breakout group (1), moderators (2). */
  setAudience(level: 1 | 2, participants: readonly ParticipantId[]): void
  /** For whom a source is encrypted from now on. */
  setLevel(source: TrackSource, level: Level): void

  /** A question, sealed for `mls_open_poll`. */
  sealQuestion(asked: { readonly question: string; readonly choices: readonly string[] }): Promise<string>
  /** Reads a question of `by`; `null` where it is none, or not a member's. */
  openQuestion(by: ParticipantId, sealed: string): Promise<OpenedQuestion | null>
  /** A ballot for `mls_vote`. */
  sealBallot(question: Question, poll: number, choice: number): Promise<string>
  /** How many chose what; `null` where this page has not the key. Ballots that cannot be read count for
   * nothing. */
  tally(question: Question, poll: number, ballots: readonly string[]): Promise<number[] | null>

  /** Ends for good: forgets every key. */
  close(): void
}

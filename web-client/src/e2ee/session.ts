// One page in an encrypted room: joins the circle, the frames, the messages and what is known of the
// link, and tells the call. Fetched lazily: rooms without encryption load none of it.

import { signal } from '@preact/signals'
import { deriveGuestSecret, fromBase64Url, type Link, toBase64Url } from '../link'
import { RequestError, type Request } from '../protocol/connection'
import type { EncryptionInfo, SayAudience, ServerMessage } from '../protocol/generated'
import type { ParticipantId } from './admission'
import { Roots } from './audiences'
import type { Bytes } from './bytes'
import type { ClassMessage, Question } from './class-messages'
import { type Change, Circle, type CircleRequest, type Outcome } from './circle'
import { ClockWatch } from './clock-watch'
import { Door } from './door'
import { type Epoch, UNKNOWN_LINK } from './epoch'
import type { EpochKeys, TrackSource } from './frame-messages'
import type { Frames } from './frames'
import { GuestLink } from './guest-link'
import { KeyWords, type KeyWordsAround } from './key-words'
import { checkAgainstLink, linkFingerprint, type RoomCode, roomCode, sealLobbyName } from './link-keys'
import { isKeyMessage } from './messages'
import { OwnKeysBook } from './own-keys'
import { People } from './people'
import { Polls } from './polls'
import { PARTS, type SessionParts } from './session-parts'
import type {
  EncryptedSession,
  KeptIdentity,
  OpenedQuestion,
  SessionAround,
  SessionFault,
  SessionState,
  SessionWarning,
} from './session-types'
import type { Level } from './sframe'
import { Speech } from './speech'
import { Switching } from './switching'
import { isClockWrong, Trust } from './trust'

/** Opens a page's part in the room of `link`. Rejects where the browser lacks what it takes; see
 * `lackOf`. */
export async function openSession(
  link: Link,
  kept: KeptIdentity | null,
  around: SessionAround,
  parts: SessionParts = PARTS,
): Promise<Session> {
  const trust = await Trust.of(link, kept, parts.clock)
  return new Session(link, kept, around, parts, trust, await linkFingerprint(link))
}

/** See `EncryptedSession`. */
export class Session implements EncryptedSession {
  readonly state = signal<SessionState>('outside')
  readonly fault = signal<SessionFault | null>(null)
  readonly warnings = signal<readonly SessionWarning[]>([])
  readonly code = signal<RoomCode | null>(null)
  private readonly people = new People((participant) => {
    this.warn({ kind: 'moderator', participant })
  })
  readonly members = this.people.members
  readonly counts = this.people.counts
  readonly guestSecret: GuestLink['secret']
  readonly epoch = signal<number | null>(null)
  readonly frames: Frames
  readonly asking: Door['asking']

  private self: ParticipantId | null = null
  hostKey: Bytes | null = null
  /** What the server said last of the circle, until this page can enter it. */
  private entering: { readonly info: EncryptionInfo } | null = null
  private given: string | null = null
  private readonly circle: Circle
  private readonly speech: Speech
  private readonly words: KeyWords
  private readonly guestLink: GuestLink
  private readonly own = new OwnKeysBook()
  readonly ownKeys = this.own.newest
  private readonly roots: Roots
  private readonly door: Door
  /** When to ask for somebody's word again, while there is none. */
  private askAt = 0
  private readonly polls: Polls
  private readonly clockWatch: ClockWatch
  private serial = 0
  /** Whom this page puts out. */
  private readonly leaving = new Set<ParticipantId>()
  /** Called when none but those present has the keys. */
  private handlePresent: (() => void)[] = []
  private readonly switching = new Switching((serial) => {
    this.frames.sendWith(serial)
    this.own.sealsIn(serial)
  })
  private queue: Promise<void> = Promise.resolve()
  private cancelTimer: (() => void) | null = null
  private closed = false

  constructor(
    private readonly link: Link,
    private readonly keptBefore: KeptIdentity | null,
    private readonly around: SessionAround,
    private readonly parts: SessionParts,
    private readonly trust: Trust,
    fingerprint: Bytes,
  ) {
    const flags = { open: link.encryption?.open === true, raw: link.encryption?.raw === true }
    this.polls = new Polls(link, trust.room)
    this.clockWatch = new ClockWatch(parts.now, parts.clock)
    this.door = new Door(trust, (participant, admission) => this.outcomeOf({ type: 'mls_admit', participant, admission }))
    this.asking = this.door.asking
    this.frames = parts.frames(flags.raw, () => {
      this.crashed()
    })
    this.speech = new Speech({
      now: parts.now,
      self: () => this.self,
      request: (request) => around.request(request),
      audience: trust.audience,
      recipients: (audience) => this.roots.recipients(audience, this.people.moderators),
      handleMisdirected: (why) => {
        this.warn({ kind: 'refused', why })
      },
    })
    this.roots = new Roots({
      self: () => this.self,
      keyOf: (participant) => this.circle.current?.leafOf(participant)?.credential.audienceKey ?? null,
      setRoot: (level, root) => {
        this.frames.setOwnRoot(level, root)
      },
      say: (level, keys) => this.speech.say({ t: 'narrow', level, keys }, 'everybody'),
      handleMissed: (level) => {
        this.parts.setTimer(() => {
          this.enqueue(() => this.handOut(level))
        }, HAND_AGAIN_MS)
      },
    })
    this.guestLink = new GuestLink(link, trust, (replaced) => {
      around.handleLink(replaced)
      const admission = this.self === null ? null : (this.circle.current?.leafOf(this.self)?.credential.admission ?? null)
      around.handleIdentity(trust.kept(this.self, admission))
    })
    this.guestSecret = this.guestLink.secret
    const words: KeyWordsAround = {
      trust,
      people: this.people,
      speech: this.speech,
      guestLink: this.guestLink,
      now: parts.now,
      self: () => this.self,
      hostKey: () => this.hostKey,
      epoch: () => this.circle.current,
      snapshot: () => around.snapshot(),
      handleSnapshot: (from, snapshot) => {
        around.handleSnapshot(from, snapshot)
      },
      handleRoot: (participant, level, root) => {
        this.frames.addRoot(participant, level, root)
      },
    }
    // A strict room begins with a lobby.
    this.words = new KeyWords(words, !flags.open)
    this.circle = new Circle({ room: trust.room, flags, fingerprint }, {
      judge: {
        pskOf: (generation) => trust.pskOf(generation),
        judge: (leaf, joining) => (this.hostKey === null ? Promise.resolve('no host key') : trust.judge(this.hostKey, leaf, joining)),
        isPresent: (participant) => this.people.isHere(participant),
      },
      request: (request) => this.outcomeOf(request),
      newestLink: () => this.guestLink.newest,
      handleEpoch: (epoch, change) => this.began(epoch, change),
      handleOut: () => {
        this.out()
      },
      handleRefused: (why, isClock) => {
        // The link was replaced before this page was let in: nobody can tell it the new one.
        if (why === UNKNOWN_LINK && this.circle.current === null && this.guestLink.hasEnded) this.refuse('link_ended')
        else if (isClock) this.misdated()
        else this.warn({ kind: 'refused', why })
        if (this.circle.isBroken) this.state.value = 'broken'
      },
      handleGivenUp: () => {
        this.refuse('clock')
      },
    })
  }

  async joinPart(name: string | null): Promise<{ memberKey: string; sealedName: string | null }> {
    const { room, secret, role } = this.link
    // Whoever holds the moderator link never waits in the lobby.
    const sealedName = name === null || role === 'moderator' ? null : await sealLobbyName(this.guestSecret.value ?? secret, room, name)
    return { memberKey: toBase64Url(this.trust.member.publicKey), sealedName }
  }

  hear(message: ServerMessage): void {
    this.enqueue(() => this.heard(message))
  }

  async say(message: ClassMessage, audience: SayAudience): Promise<void> {
    await this.speech.say(message, audience)
  }

  admit(candidates: readonly { participant: ParticipantId; memberKey: string }[]): Promise<{ participant: ParticipantId; admission: string }[]> {
    return this.door.admit(candidates)
  }

  grant(participant: ParticipantId): Promise<void> {
    return this.door.grant(participant)
  }

  async sayPolicy(lobby: boolean): Promise<void> {
    this.words.lobby = lobby
    await this.speech.say({ t: 'policy', lobby }, 'everybody')
  }

  async sayLink(generation: number): Promise<void> {
    if (this.link.role !== 'moderator') return
    const secret = await deriveGuestSecret(this.link.secret, generation)
    if (await this.onlyPresentHaveKeys()) await this.speech.say({ t: 'link', generation, secret }, 'everybody')
    // Nobody is added by it before the server has it too.
    await this.trust.learn(generation, null)
  }

  putOut(participant: ParticipantId, isOut: boolean): void {
    if (isOut) this.leaving.add(participant)
    else this.leaving.delete(participant)
  }

  async admitDelegate(participant: ParticipantId): Promise<void> {
    const leaf = this.circle.current?.leafOf(participant)
    if (leaf == null) return
    const admission = await this.trust.admit(participant, toBase64Url(leaf.memberKey), 'moderator')
    if (admission !== null) await this.around.request({ type: 'mls_admit', participant, admission })
  }

  setAudience(level: 1 | 2, participants: readonly ParticipantId[]): void {
    this.roots.setAudience(level, participants)
    this.enqueue(() => this.handOut(level))
  }

  setLevel(source: TrackSource, level: Level): void {
    this.frames.setLevel(source, level)
  }

  async sealQuestion(asked: { question: string; choices: readonly string[] }): Promise<string> {
    return this.speech.sealQuestion(await this.polls.ask(asked))
  }

  openQuestion(by: ParticipantId, sealed: string): Promise<OpenedQuestion | null> {
    return new Promise((resolve) => {
      // The commit before it may still be worked on.
      this.enqueue(async () => {
        const opened = await this.speech.openQuestion(by, sealed)
        resolve(opened === null ? null : { ...opened, role: this.people.roleOf(by) })
      })
    })
  }

  async sealBallot(question: Question, poll: number, choice: number): Promise<string> {
    const ballot = await this.polls.answer(question, poll, choice)
    if (ballot === null) throw new RequestError('malformed')
    return ballot
  }

  tally(question: Question, poll: number, ballots: readonly string[]): Promise<number[] | null> {
    return this.polls.tally(question, poll, ballots)
  }

  rotate(): Promise<void> {
    const next = this.own.next()
    this.rekey()
    return next
  }

  /** Waits until whoever is gone, or being put out, has no keys any more: the server could hand on to them
   * what is sealed with those of now. False where that takes too long. */
  private async onlyPresentHaveKeys(): Promise<boolean> {
    // What the server said before is heard first.
    await new Promise<void>((resolve) => {
      this.enqueue(() => {
        resolve()
        return Promise.resolve()
      })
    })
    if (this.areMembersPresent()) return true
    return new Promise((resolve) => {
      const cancel = this.parts.setTimer(() => {
        resolve(false)
      }, LEAVING_MS)
      this.handlePresent.push(() => {
        cancel()
        resolve(true)
      })
    })
  }

  private areMembersPresent(): boolean {
    const members = [...(this.circle.current?.leaves.values() ?? [])].map(({ credential }) => credential.participant)
    return members.every((one) => this.people.isHere(one) && !this.leaving.has(one))
  }

  close(): void {
    this.closed = true
    this.cancelTimer?.()
    this.circle.leave()
    this.frames.close()
  }

  private async heard(message: ServerMessage): Promise<void> {
    switch (message.type) {
      case 'joined':
        return this.joined(message)
      case 'participant_joined':
        this.people.setRole(message.participant.participant, message.participant.role)
        if (message.participant.role === 'moderator') this.askAt = 0
        break
      case 'participant_away':
        if (message.away || message.participant === this.self) return
        if (this.people.isModerator(message.participant)) this.askAt = 0
        this.back(message.participant)
        return
      case 'participant_left':
        this.people.setRole(message.participant, null)
        this.door.stopAsking(message.participant)
        break
      case 'role_changed':
        if (this.people.isHere(message.participant)) this.people.setRole(message.participant, message.role)
        if (message.role === 'moderator') this.askAt = 0
        this.people.show(this.circle.current)
        return
      case 'link_rotated':
        return this.guestLink.replace(message.generation)
      case 'mls_said':
        return this.said(message)
      case 'mls_all_ready':
        this.switching.allReady(message.group, message.epoch)
        return
      case 'mls_admission_asked':
        return this.door.asked(message.participant, message.memberKey, this.words.lobby)
      case 'mls_admission':
        return this.admittedBy(message.admission)
      default:
    }
    if (this.state.value !== 'refused') await this.circle.hear(message, this.parts.now())
  }

  private async joined(message: ServerMessage & { type: 'joined' }): Promise<void> {
    const { encryption, rules } = message
    const flags = rules.encryption
    const said = encryption === null || flags === null ? null : { flags, hostKey: encryption.hostKey }
    const clockFault = isClockWrong(message.resume, this.parts.clock()) ? 'clock' : null
    const fault = (await checkAgainstLink(this.link, said)) ?? this.endedLink(message) ?? clockFault
    if (fault !== null || encryption === null) {
      this.refuse(fault ?? 'not_encrypted')
      return
    }
    const hostKey = fromBase64Url(encryption.hostKey) ?? new Uint8Array()
    this.hostKey = hostKey
    this.code.value = await roomCode(hostKey, this.link.room)
    if (this.self !== null && this.self !== message.participant) this.circle.leave()
    this.self = message.participant
    await this.guestLink.enter(message.linkGeneration)
    this.people.enter([message, ...message.participants])
    if (encryption.admission !== null) this.given = encryption.admission
    this.entering = { info: encryption }
    this.askAt = 0
    await this.enter()
    if (message.resumed && this.circle.current !== null) {
      // Once what was missed is known, which is heard before this.
      this.enqueue(() => {
        if (this.circle.current !== null) this.words.comeBack()
        return Promise.resolve()
      })
    }
  }

  /** A guest's page that comes back by its session token proves no link: was it replaced meanwhile? */
  private endedLink({ resumed, linkGeneration }: ServerMessage & { type: 'joined' }): SessionFault | null {
    const known = this.self === null ? (this.keptBefore?.generation ?? null) : null
    return resumed && this.link.role === 'guest' && known !== null && known < linkGeneration ? 'link_ended' : null
  }

  /** Enters the circle by somebody's word, or asks for one. */
  private async enter(): Promise<void> {
    const { self, hostKey, entering, keptBefore } = this
    if (self === null || hostKey === null || entering === null) return
    const kept = keptBefore?.participant === self ? keptBefore.admission : null
    const own = await this.trust.identify(hostKey, self, [this.given, kept])
    this.around.handleIdentity(this.trust.kept(self, own?.credential.admission ?? null))
    if (own === null) {
      this.state.value = 'asking'
      if ((await this.trust.faultOf(hostKey, self, this.given ?? kept)) === 'clock') this.fault.value = 'clock'
      await this.askAdmission()
      return
    }
    this.entering = null
    this.fault.value = null
    if (this.state.value !== 'member') this.state.value = 'joining'
    await this.circle.enter(own, entering.info.circle, this.parts.now())
  }

  /** Asks those moderators who are here, who may all be gone or not be able to answer yet; never at once
   * again where the answer is not believed. */
  private async askAdmission(): Promise<void> {
    const now = this.parts.now()
    if (this.state.value !== 'asking' || now < this.askAt) return
    this.askAt = now + ASK_AGAIN_MS
    await this.outcomeOf({ type: 'mls_ask_admission' })
  }

  /** A moderator gave this page their word: to become a member, or to admit others. */
  private async admittedBy(admission: string): Promise<void> {
    this.given = admission
    if (this.entering !== null) {
      await this.enter()
      return
    }
    const { self, hostKey } = this
    if (self === null || hostKey === null) return
    const own = await this.trust.identify(hostKey, self, [admission])
    if (own === null) return
    this.around.handleIdentity(this.trust.kept(self, own.credential.admission))
    this.words.tellDelegation()
  }

  /** An epoch began: everything that is sealed gets new keys. */
  private async began(epoch: Epoch, change: Change): Promise<void> {
    const { isFirst, added, removed, isOwn } = change
    if (isFirst) this.out()
    for (const participant of removed) this.leaving.delete(participant)
    this.serial += 1
    const leaves = new Map([...epoch.leaves].map(([leaf, { credential }]) => [leaf, credential.participant]))
    const keys: EpochKeys = { serial: this.serial, epoch: epoch.number, baseKey: await epoch.baseKey(), leaf: epoch.ownLeaf, leaves }
    this.speech.begin(keys, change)
    this.frames.addEpoch(keys)
    this.own.begin(keys)
    // Whoever was removed shall hear nothing more.
    const name = { group: toBase64Url(epoch.group), epoch: epoch.number, serial: keys.serial }
    this.switching.begin(name, isFirst || removed.length > 0, this.parts.now())
    this.epoch.value = epoch.number
    this.people.show(this.circle.current)
    this.state.value = 'member'
    this.clockWatch.end()
    if (isFirst) {
      if (!isOwn) this.words.comeIn(epoch.addedBy)
      this.around.handleMember()
      this.words.tellDelegation()
    }
    // What was heard while the answer was on its way comes first.
    if (isOwn && added.length > 0) {
      this.enqueue(() => {
        this.words.tell(added)
        return Promise.resolve()
      })
    }
    this.roots.forgetHanded(added)
    this.handOutAll()
    if (this.areMembersPresent()) for (const handle of this.handlePresent.splice(0)) handle()
  }

  private handOutAll(): void {
    for (const level of this.roots.inUse) this.enqueue(() => this.handOut(level))
  }

  private async handOut(level: 1 | 2): Promise<void> {
    if (this.circle.current !== null) await this.roots.handOut(level)
  }

  /** Somebody's line is back: what was said meanwhile is lost to them. */
  private back(participant: ParticipantId): void {
    this.roots.forgetHanded([participant])
    this.handOutAll()
  }

  private async said({ participant, audience, sealed }: ServerMessage & { type: 'mls_said' }): Promise<void> {
    const message = await this.speech.hear(participant, audience, sealed)
    const leaf = this.circle.current?.leafOf(participant) ?? null
    if (message === null || leaf === null) return
    if (isKeyMessage(message)) await this.words.take(message, participant, leaf)
    else this.around.handleSaid({ participant, role: this.people.roleOf(participant) }, audience, message)
  }

  /** No circle any more: every key of it is forgotten. */
  private out(): void {
    this.speech.forget()
    this.frames.forget()
    this.own.forget()
    this.roots.forget()
    this.people.forget()
    this.words.forget()
    this.switching.forget()
    this.epoch.value = null
    if (this.state.value === 'member' || this.state.value === 'broken') this.state.value = 'joining'
  }

  /** A clock is wrong: the person is told once, and whether they set it is watched. */
  private misdated(): void {
    if (!this.clockWatch.watches) this.warn({ kind: 'clock' })
    this.clockWatch.begin()
  }

  private refuse(fault: SessionFault): void {
    this.clockWatch.end()
    this.circle.leave()
    this.fault.value = fault
    this.state.value = 'refused'
  }

  private crashed(): void {
    this.switching.silence()
    this.warn({ kind: 'worker' })
    this.rekey()
  }

  /** Takes the circle to another epoch. */
  private rekey(): void {
    this.enqueue(() => {
      this.circle.rekey(this.parts.now())
      return Promise.resolve()
    })
  }

  private async outcomeOf(request: CircleRequest | Request): Promise<Outcome> {
    try {
      await this.around.request(request)
      return 'done'
    } catch (error) {
      return error instanceof RequestError ? error.code : 'internal'
    }
  }

  private warn(warning: SessionWarning): void {
    this.warnings.value = [...this.warnings.value, warning].slice(-MAX_WARNINGS)
  }

  /** One thing after the other, in the order of what was heard. */
  private enqueue(step: () => Promise<void>): void {
    this.queue = this.queue.then(async () => {
      if (this.closed) return
      try {
        await step()
      } catch {
        this.warn({ kind: 'refused', why: 'a step failed' })
      }
      this.setTimer()
    })
  }

  private setTimer(): void {
    this.cancelTimer?.()
    this.cancelTimer = null
    const askAt = this.state.value === 'asking' ? this.askAt : Infinity
    const at = Math.min(this.circle.wakeAt() ?? Infinity, this.switching.wakeAt, this.words.wakeAt, this.clockWatch.wakeAt, askAt)
    if (at === Infinity || this.closed) return
    this.cancelTimer = this.parts.setTimer(() => {
      this.enqueue(async () => {
        const now = this.parts.now()
        this.switching.wake(now)
        this.words.wake(now)
        if (this.clockWatch.look()) this.circle.tryAgain(now)
        await this.askAdmission()
        await this.circle.wake(now)
      })
    }, Math.max(0, at - this.parts.now()))
  }
}

/** When to ask for an admission again. Longer: those who come before a moderator wait longer; shorter:
 * more of what nobody answers. */
const ASK_AGAIN_MS = 15_000

/** Longest wait for the keys without those who are put out; a commit takes a part of a second. */
const LEAVING_MS = 5_000
/** When those who did not get a root are handed it again. */
const HAND_AGAIN_MS = 2_000
/** What is shown of what was refused, at the most. */
const MAX_WARNINGS = 20

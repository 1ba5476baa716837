// What a call does otherwise in an encrypted room: keys before anything is sent, class life among
// members instead of through the server, and the state of it all for the screens.

import { effect, type ReadonlySignal, signal } from '@preact/signals'
import type { ClassMessage } from '../e2ee/class-messages'
import {
  acceptQuestion,
  ask,
  type Audience,
  type Classroom,
  type ClassStep,
  enterClassroom,
  hearMember,
  hearServer,
  hearSnapshot,
  openPoll,
  snapshotOf,
  tellTotals,
} from '../e2ee/classroom'
import type { EncryptedSession, FrameDoor, KeptIdentity, SessionAround, SessionFault, SessionState, SessionWarning } from '../e2ee/session-types'
import type { Link } from '../link'
import { type Answer, type Join, type Request, RequestError } from '../protocol/connection'
import type { RecordingInfo, ServerMessage, TrackSource, WaitingInfo } from '../protocol/generated'
import { type EncryptionProgress, type EncryptionState, NO_KEYS_YET } from './encryption-state'
import { Releasing } from './releasing'
import type { ParticipantId, Problem } from './state'

/** What it works with. */
export interface EncryptionAround {
  /** Asks the server; rejects with `RequestError`. */
  request(request: Request): Promise<Answer>
  /** What the call shall hear. */
  tell(message: ServerMessage): void
  /** Something to tell the person. */
  handleProblem(problem: Problem): void
  /** This page will not take part: nothing was sent, and nothing will be. */
  handleFault(problem: Problem): void
  /** The guest link is another one from now on. */
  handleLink(link: Link): void
  /** What to keep of this page across a reload has changed. */
  handleKept(): void
  /** Whether the host key signed those whom a recording is sealed to. */
  handleRecipients(info: RecordingInfo, vouched: boolean): void
}

/** Makes what keeps the keys. */
export type OpenSession = (link: Link, kept: KeptIdentity | null, around: SessionAround) => Promise<EncryptedSession>

/** One page's part in an encrypted room. */
export class Encryption {
  /** As screens show it. */
  readonly view: ReadonlySignal<EncryptionState>
  private readonly shown = signal<EncryptionState>(NO_KEYS_YET)
  private session: EncryptedSession | null = null
  private releasing: Releasing | null = null
  /** The recording that runs, as it was told last. */
  private recording: RecordingInfo | null = null
  private opening: Promise<void> | null = null
  /** How often it was closed, so that a session that opens too late is known. */
  private closings = 0
  /** Ends what looks at the session. */
  private watching: (() => void)[] = []
  private room: Classroom
  /** What `join` carries; `null` before the keys are drawn. */
  private part: { readonly memberKey: string; readonly sealedName: string | null } | null = null
  private waiting: readonly WaitingInfo[] = []
  private levels = new Map<TrackSource, number>()
  private moderatorsOnly = false
  private totalsTimer: ReturnType<typeof setTimeout> | undefined
  private differsTimer: ReturnType<typeof setTimeout> | undefined
  /** The latest that was told. */
  private warned: SessionWarning | null = null
  /** How many of those in the room nobody has vouched for. */
  private inside = 0
  /** Whom a closed question's ballots are for, until they are counted. */
  private asked: Classroom['closed'] = null

  constructor(
    private link: Link,
    private identity: KeptIdentity | null,
    name: string | null,
    private readonly around: EncryptionAround,
    private readonly openSession: OpenSession = fetchSession,
  ) {
    this.view = this.shown
    this.room = enterClassroom(name)
  }

  /** Frames of the call's connection; there once `prepare` is done. */
  get frames(): FrameDoor | null {
    return this.session?.frames ?? null
  }

  /** What a page that is loaded anew must know. */
  get kept(): { readonly identity: KeptIdentity | null; readonly name: string | null } {
    return { identity: this.identity, name: this.room.ownName }
  }

  /** Draws keys, or takes those of the page before, and seals the name for the lobby. Rejects where the
   * code for it cannot be fetched. */
  async prepare(name: string | null): Promise<void> {
    // A page that was loaded anew types none, and has the name of the one before.
    if (name !== null && name.trim() !== '') this.room = { ...this.room, ownName: enterClassroom(name).ownName }
    const opening = this.opening ?? this.open()
    this.opening = opening
    await opening.catch((error: unknown) => {
      if (this.opening === opening) this.opening = null
      throw error
    })
    await this.seal()
  }

  /** What `join` carries; `prepare` comes first. */
  get join(): Pick<Join, 'memberKey' | 'sealedName' | 'displayName'> {
    if (this.part === null) throw new TypeError('no keys yet')
    return { ...this.part, displayName: null }
  }

  /** Everything the server says, in order; what concerns the call is told on. */
  hear(message: ServerMessage): void {
    this.session?.hear(message)
    switch (message.type) {
      case 'waiting_changed':
        this.waiting = message.waiting
        void this.tellWaiting()
        return
      case 'mls_poll_opened':
        this.take(hearServer(this.room, message, performance.now()))
        void this.readQuestion(message.by, message.poll, message.sealed)
        return
      case 'mls_ballots':
        void this.count(message.poll, message.ballots)
        return
      case 'mls_poll_closed':
        this.asked = this.room.poll?.question ?? this.asked
        break
      case 'recording_changed':
        this.heardOfRecording(message.recording)
        break
      case 'joined':
        this.heardOfRecording(message.state.recording)
        if (message.state.sealedPoll !== null) {
          const { by, poll, sealed } = message.state.sealedPoll
          void this.readQuestion(by, poll, sealed)
        }
        break
      default:
    }
    this.take(hearServer(this.room, message, performance.now()))
    if (AUDIENCE_CHANGES.has(message.type)) this.followAudience()
  }

  /** Who may see the own camera changes: its key does, before the server hears of it. */
  showCameraTo(moderatorsOnly: boolean): void {
    if (moderatorsOnly === this.moderatorsOnly) return
    this.moderatorsOnly = moderatorsOnly
    this.followAudience()
  }

  /** Asks for something, among members where the server may not know it. Rejects with `RequestError`. */
  async request(request: Request): Promise<Answer> {
    const said = ask(this.room, request)
    if (typeof said === 'string') throw new RequestError(said)
    if (said !== null) return this.say(said.message, said.audience)
    switch (request.type) {
      case 'open_poll': {
        const question = acceptQuestion({ ...request, key: '', nonce: '' })
        if (question === null) throw new RequestError('malformed')
        const session = await this.member()
        const sealed = await session.sealQuestion({ question: question.question, choices: question.choices })
        return this.around.request({ type: 'mls_open_poll', sealed })
      }
      case 'vote': {
        const { poll } = this.room
        if (poll?.poll !== request.poll || poll.question === null) throw new RequestError('not_there')
        const session = await this.member()
        const ballot = await session.sealBallot(poll.question, poll.poll, request.choice)
        return this.around.request({ type: 'mls_vote', poll: poll.poll, ballot })
      }
      case 'admit': {
        // Who is in the room without a moderator's word gets it; who waits in the lobby gets it with the door.
        const inside = [...(this.session?.asking.peek().keys() ?? [])].filter((id) => request.participants?.includes(id) !== false)
        for (const participant of inside) await this.session?.grant(participant)
        if (request.participants?.every((id) => inside.includes(id)) === true) return DONE
        return this.around.request({ ...request, admissions: await this.admissions(request.participants) })
      }
      case 'refuse_entry':
        if (this.session?.asking.peek().has(request.participant) !== true) return this.around.request(request)
        return this.eject(request.participant)
      case 'eject':
        return this.eject(request.participant)
      case 'set_rules': {
        const done = await this.around.request(request)
        const { lobby } = request.rules
        if (lobby !== request.was.lobby) await this.session?.sayPolicy(lobby).catch(() => undefined)
        return done
      }
      case 'rotate_link': {
        // Members know the new link before anybody can come by it.
        await this.session?.sayLink(request.generation)
        return this.around.request(request)
      }
      case 'set_role': {
        const done = await this.around.request(request)
        if (request.role === 'moderator') await this.session?.admitDelegate(request.participant)
        return done
      }
      default:
        return this.around.request(request)
    }
  }

  /** Before a yes to a recording is said; see `Releasing`. */
  beginRelease(info: RecordingInfo): Promise<boolean> {
    return this.releasing?.begin(info) ?? Promise.reject(new RequestError('lost'))
  }

  /** A no is about to be said. */
  haltRelease(): void {
    this.releasing?.halt()
  }

  /** A yes is over, or came to nothing. */
  async endRelease(): Promise<void> {
    await this.releasing?.end()
  }

  /** Forgets every key and all of the room but the own name. `prepare` begins anew, as somebody else. */
  close(): void {
    this.closings += 1
    this.releasing?.halt()
    clearTimeout(this.totalsTimer)
    clearTimeout(this.differsTimer)
    this.totalsTimer = undefined
    this.differsTimer = undefined
    for (const end of this.watching.splice(0)) end()
    this.session?.close()
    this.session = null
    this.releasing = null
    this.opening = null
    this.identity = null
    this.part = null
    this.room = enterClassroom(this.room.ownName)
    this.recording = null
    this.waiting = []
    this.levels.clear()
    this.warned = null
    this.inside = 0
    this.asked = null
    this.shown.value = NO_KEYS_YET
  }

  private async open(): Promise<void> {
    const { closings } = this
    const session = await this.openSession(this.link, this.identity, {
      request: (request) => this.around.request(request),
      handleMember: () => {
        const name = this.room.ownName ?? this.neutralName()
        if (name !== null) this.say({ t: 'hello', name }, 'everybody').catch(() => undefined)
        this.followAudience()
      },
      handleSaid: (from, audience, message) => {
        this.take(hearMember(this.room, from, audience, message))
      },
      handleSnapshot: (from, snapshot) => {
        this.take(hearSnapshot(this.room, from, snapshot))
      },
      snapshot: () => snapshotOf(this.room),
      handleLink: (link) => {
        this.link = link
        this.around.handleLink(link)
      },
      handleIdentity: (identity) => {
        this.identity = identity
        this.around.handleKept()
      },
    })
    if (closings !== this.closings) {
      session.close()
      throw new RequestError('lost')
    }
    this.session = session
    this.releasing = new Releasing(this.link.room, {
      ownKeys: session.ownKeys,
      rotate: async () => (await this.member()).rotate(),
    }, {
      request: (request) => this.around.request(request),
      self: () => (this.room.self === null ? null : { participant: this.room.self as ParticipantId, name: this.room.ownName ?? this.neutralName() ?? '' }),
      hostKey: () => session.hostKey,
    })
    this.watching = [
      () => {
        this.show(session)
      },
      () => {
        if (session.code.value !== null) void this.checkRecipients()
      },
      () => {
        const fault = session.fault.value
        if (fault !== null) this.around.handleFault(FAULTS[fault])
      },
      () => {
        this.warn(session.warnings.value)
      },
      () => {
        if (session.frames.isGivenUp.value) this.around.handleProblem('encryption_stopped')
      },
      () => {
        if (session.frames.intrusions.value > 0) this.around.handleProblem('frames_refused')
      },
      () => {
        // Moderators alone hear of them.
        const { size } = session.asking.value
        if (size > 0 || this.inside > 0) void this.tellWaiting()
        this.inside = size
      },
      () => {
        // Who is a moderator is what the leaves say.
        if (session.members.value.size > 0) this.followAudience()
      },
    ].map((watch) => effect(watch))
  }

  /** What was answered before counts no more, whatever is told now. */
  private heardOfRecording(info: RecordingInfo | null): void {
    this.recording = info
    void this.endRelease()
    void this.checkRecipients()
  }

  private async checkRecipients(): Promise<void> {
    const { recording, releasing, session } = this
    // Looked at once the host key is known.
    if (recording === null || releasing === null || session?.hostKey == null) return
    const vouched = await releasing.isVouchedFor(recording)
    this.around.handleRecipients(recording, vouched)
  }

  private async seal(): Promise<void> {
    if (this.session !== null) this.part = await this.session.joinPart(this.room.ownName)
  }

  private show(session: EncryptedSession): void {
    const { present, encrypted } = session.counts.value
    const progress = session.frames.isGivenUp.value ? 'stopped' : PROGRESS[session.state.value]
    const members = new Set([...session.members.value.keys()] as ParticipantId[])
    const before = this.shown.peek()
    const differs = progress === 'ready' && present !== encrypted
    this.shown.value = { progress, code: session.code.value, members, differs: differs && before.differs }
    if (!differs) {
      clearTimeout(this.differsTimer)
      this.differsTimer = undefined
    } else if (!before.differs && this.differsTimer === undefined) {
      this.differsTimer = setTimeout(() => {
        this.differsTimer = undefined
        this.shown.value = { ...this.shown.peek(), differs: true }
      }, DIFFERS_AFTER_MS)
    }
  }

  private warn(warnings: readonly SessionWarning[]): void {
    // Only the latest are kept.
    for (const warning of warnings.slice(this.warned === null ? 0 : warnings.lastIndexOf(this.warned) + 1)) {
      if (warning.kind === 'moderator') this.around.handleProblem('moderator_appeared')
      if (warning.kind === 'refused') this.around.handleProblem('circle_refused')
      if (warning.kind === 'clock') this.around.handleProblem('clock_wrong')
    }
    this.warned = warnings.at(-1) ?? null
  }

  /** Tells what came of something heard, and says what it asks for. */
  private take({ classroom, told, say }: ClassStep): void {
    const renamed = classroom.ownName !== this.room.ownName
    this.room = classroom
    for (const message of told) this.around.tell(message)
    for (const { audience, message } of say) this.say(message, audience).catch(() => undefined)
    if (renamed) {
      this.around.handleKept()
      // For the lobby, should this page have to wait again.
      this.seal().catch(() => undefined)
    }
    this.planTotals()
  }

  private async say(message: ClassMessage, audience: Audience): Promise<Answer> {
    const session = await this.member()
    await session.say(message, audience)
    return DONE
  }

  /** The session, once it is a member: what was clicked while keys were agreed on is not lost. */
  private member(): Promise<EncryptedSession> {
    const { session } = this
    if (session === null) return Promise.reject(new RequestError('lost'))
    return new Promise((resolve, reject) => {
      let end: (() => void) | null = null
      const settle = (then: () => void) => {
        clearTimeout(timer)
        // Not yet known while the effect runs for the first time.
        queueMicrotask(() => end?.())
        then()
      }
      const timer = setTimeout(() => {
        settle(() => {
          reject(new RequestError('lost'))
        })
      }, MEMBER_TIMEOUT_MS)
      end = effect(() => {
        if (session.state.value !== 'member') return
        settle(() => {
          resolve(session)
        })
      })
    })
  }

  private neutralName(): string | null {
    return this.room.people.get(this.room.self ?? '')?.neutral ?? null
  }

  /** Those in the lobby by name, and those in the room for whom nobody has vouched yet. */
  private async tellWaiting(): Promise<void> {
    const { waiting } = this
    const asking = this.session?.asking.peek()
    const { openLobbyName } = await import('../e2ee/link-keys')
    const secret = this.session?.guestSecret.value ?? null
    const named = await Promise.all(
      waiting.map(async (one) => {
        const sealed = secret === null || one.sealedName === null ? null : await openLobbyName(secret, this.link.room, one.sealedName)
        return { ...one, displayName: enterClassroom(sealed).ownName ?? one.displayName }
      }),
    )
    // Somebody came or went meanwhile.
    if (this.waiting !== waiting || this.session?.asking.peek() !== asking) return
    const inside = [...(asking ?? [])].map(([participant, memberKey]) => {
      const person = this.room.people.get(participant)
      return { participant, displayName: person?.name ?? person?.neutral ?? '', sealedName: null, memberKey }
    })
    this.around.tell({ type: 'waiting_changed', waiting: [...named, ...inside] })
  }

  /** Nothing that is told to members from now on is told to them. */
  private async eject(participant: string): Promise<Answer> {
    const id = participant as ParticipantId
    this.session?.putOut(id, true)
    try {
      return await this.around.request({ type: 'eject', participant })
    } catch (error) {
      this.session?.putOut(id, false)
      throw error
    }
  }

  private async admissions(participants: readonly string[] | null): Promise<{ participant: string; admission: string }[]> {
    const candidates = this.waiting.flatMap(({ participant, memberKey }) =>
      memberKey === null || participants?.includes(participant) === false ? [] : [{ participant, memberKey }],
    )
    return candidates.length === 0 || this.session === null ? [] : this.session.admit(candidates)
  }

  private async readQuestion(by: string, poll: number, sealed: string): Promise<void> {
    const read = await this.session?.openQuestion(by, sealed)
    if (read == null) return
    this.take(openPoll(this.room, { participant: by, role: read.role }, poll, read.question))
    for (const one of read.missedBy) this.say({ t: 'question', poll, question: read.question }, { one }).catch(() => undefined)
  }

  private async count(poll: number, ballots: readonly string[]): Promise<void> {
    const question = (this.room.poll?.poll === poll ? this.room.poll.question : null) ?? this.asked
    const results = question === null ? null : await this.session?.tally(question, poll, ballots)
    if (results == null) this.around.handleProblem('ballots_unreadable')
    else await this.say({ t: 'poll_result', poll, results }, 'everybody').catch(() => undefined)
  }

  /** The moderator with the lowest leaf tells the totals. */
  private planTotals(): void {
    const { room, session } = this
    if (!room.totalsDue || room.role !== 'moderator' || this.totalsTimer !== undefined || session === null) return
    this.totalsTimer = setTimeout(
      () => {
        this.totalsTimer = undefined
        const moderators = [...session.members.value.values()].filter(({ role }) => role === 'moderator')
        const first = moderators.sort((one, other) => one.leaf - other.leaf)[0]
        if (first?.participant === this.room.self) this.take(tellTotals(this.room, performance.now()))
      },
      Math.max(0, room.quietUntil - performance.now()),
    )
  }

  /** Gives the keys of what is not for everybody to those it is for. */
  private followAudience(): void {
    const { session, room } = this
    if (session === null || room.self === null) return
    const group = room.people.get(room.self)?.group ?? null
    const near = group === null ? [] : [...room.people].filter(([, person]) => person.group === group).map(([id]) => id)
    const moderators = [...session.members.peek().values()].filter(({ role }) => role === 'moderator')
    session.setAudience(1, near)
    session.setAudience(2, moderators.map(({ participant }) => participant))
    const shared = group === null ? 0 : 1
    this.setLevel('camera', this.moderatorsOnly ? 2 : shared)
    for (const source of ['microphone', 'screen', 'screen_audio'] as const) this.setLevel(source, shared)
  }

  private setLevel(source: TrackSource, level: 0 | 1 | 2): void {
    if ((this.levels.get(source) ?? 0) === level) return
    this.levels.set(source, level)
    this.session?.setLevel(source, level)
  }
}

/** Fetched by those who need it. */
async function fetchSession(link: Link, kept: KeptIdentity | null, around: SessionAround): Promise<EncryptedSession> {
  const { openSession } = await import('../e2ee/session')
  return openSession(link, kept, around)
}

/** What is said among members is answered by nobody else. */
const DONE: Answer = { type: 'done', requestId: 0 }

const PROGRESS: Record<SessionState, EncryptionProgress> = {
  outside: 'joining',
  joining: 'joining',
  asking: 'admission',
  member: 'ready',
  broken: 'broken',
  refused: 'broken',
}

const FAULTS: Record<SessionFault, Problem> = {
  not_encrypted: 'encryption_missing',
  other_flags: 'encryption_other_flags',
  other_host_key: 'encryption_other_key',
  clock: 'clock_wrong',
  link_ended: 'link_ended',
  not_admitted: 'not_admitted',
}

/** After these somebody else may be meant to see or hear. */
const AUDIENCE_CHANGES: ReadonlySet<ServerMessage['type']> = new Set([
  'joined',
  'participant_joined',
  'participant_left',
  'groups_changed',
  'role_changed',
])
/** Lower: an alarm at every join on a slow network. Higher: somebody without keys is noticed later. */
const DIFFERS_AFTER_MS = 5_000
/** How long a click waits for keys. */
const MEMBER_TIMEOUT_MS = 10_000

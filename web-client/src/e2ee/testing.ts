// A room for tests: the server's part in memory, as strict as the real one about who is told what, and
// pages that run the real session. Time goes on only when everybody waits.

import { deriveGuestSecret, type Link, makeSecret, type RoomFlags, toBase64Url } from '../link'
import { RequestError, type Request } from '../protocol/connection'
import type { ErrorCode, Role, SayAudience, ServerMessage } from '../protocol/generated'
import { OPEN_RULES, QUIET_ROOM } from '../protocol/samples'
import { hostKeyOf } from '../host-key'
import type { ParticipantId } from './admission'
import type { ClassMessage, ClassSnapshot } from './class-messages'
import type { EpochKeys, ToWorker } from './frame-messages'
import { Frames } from './frames'
import { guestLink } from './link-keys'
import { openSession, type Session } from './session'
import type { KeptIdentity } from './session-types'

/** Seconds since 1970. */
const CLOCK = 1_800_000_000

/** A worker that only listens. */
export class SilentWorker extends EventTarget {
  readonly heard: ToWorker[] = []
  ended = false

  postMessage(message: ToWorker): void {
    this.heard.push(structuredClone(message))
  }

  terminate(): void {
    this.ended = true
  }
}

/** One page. */
export class Page {
  readonly workers: SilentWorker[] = []
  readonly said: { from: ParticipantId; role: Role; message: ClassMessage }[] = []
  readonly snapshots: (ClassSnapshot & { role: Role })[] = []
  identity: KeptIdentity | null = null
  link: Link
  /** False while its line is cut: it is told nothing. */
  online = true
  /** What is told is changed on the way, or lost (`null`). */
  tamper: (message: ServerMessage) => ServerMessage | null = (message) => message
  private opened: Session | null = null

  constructor(
    readonly room: TestRoom,
    readonly id: ParticipantId,
    public role: Role,
    link: Link,
  ) {
    this.link = link
  }

  /** The session of the page. */
  get session(): Session {
    if (this.opened === null) throw new Error('not open')
    return this.opened
  }

  /** Opens a session, as a page that is loaded does. */
  async open(): Promise<void> {
    const { room } = this
    this.opened = await openSession(
      this.link,
      this.identity,
      {
        request: (request) => this.ask(request),
        handleMember: () => undefined,
        handleSaid: ({ participant, role }, _, message) => this.said.push({ from: participant, role, message }),
        handleSnapshot: ({ role }, snapshot) => this.snapshots.push({ ...snapshot, role }),
        snapshot: () => ({ names: [[this.id, 'x'], ...this.names], hands: [], totals: { yes: 0, no: 0, slower: 0, faster: 0 }, question: null }),
        handleLink: (link) => (this.link = link),
        handleIdentity: (identity) => (this.identity = identity),
      },
      {
        now: () => room.now,
        clock: () => CLOCK + Math.floor(room.now / 1000) + this.clockError,
        setTimer: (wake, ms) => room.setTimer(wake, ms),
        frames: (raw, handleCrash) =>
          new Frames(raw, handleCrash, () => {
            const worker = new SilentWorker()
            this.workers.push(worker)
            return worker as unknown as Worker
          }),
      },
    )
  }

  private get names(): [ParticipantId, string][] {
    return this.said.flatMap(({ from, message }) => (message.t === 'hello' ? [[from, message.name] as [ParticipantId, string]] : []))
  }

  /** Seconds by which its clock is wrong. */
  clockError = 0

  /** What the newest worker was told of epochs; the newest last. */
  get epochs(): EpochKeys[] {
    return this.toWorker('epoch').map(({ keys }) => keys)
  }

  /** The base key of the newest epoch, as text. */
  get baseKey(): string | null {
    const keys = this.session.epoch.value === null ? undefined : this.epochs.at(-1)
    return keys === undefined ? null : toBase64Url(keys.baseKey)
  }

  /** What the newest worker was told. */
  toWorker<T extends ToWorker['type']>(type: T): Extract<ToWorker, { type: T }>[] {
    return (this.workers.at(-1)?.heard ?? []).filter((one): one is Extract<ToWorker, { type: T }> => one.type === type)
  }

  /** The server says something. */
  hear(message: ServerMessage): void {
    const told = this.online ? this.tamper(message) : null
    if (told !== null) this.session.hear(structuredClone(told))
  }

  private ask(request: Request): Promise<unknown> {
    if (!this.online) return Promise.reject(new RequestError('lost'))
    const refusal = this.room.answer(this, request)
    return refusal === null ? Promise.resolve() : Promise.reject(new RequestError(refusal))
  }
}

/** The server's part. */
export class TestRoom {
  now = 1000
  generation = 0
  pages: Page[] = []
  group: string | null = null
  epoch = 0
  members = new Set<ParticipantId>()
  ready = new Map<ParticipantId, number>()
  pending = new Map<ParticipantId, string>()
  commits: (ServerMessage & { type: 'mls_committed' })[] = []
  /** Everything asked, for those who look at it afterwards. */
  readonly asked: { by: ParticipantId; request: Request }[] = []
  /** Refuses a request, or lets it pass with `null`. */
  refuse: (page: Page, request: Request) => ErrorCode | null = () => null
  private timers: { at: number; wake: () => void }[] = []
  private nextId = 1

  private constructor(
    readonly moderator: Link,
    private readonly hostKey: string,
    readonly flags: RoomFlags,
  ) {}

  static async make(flags: RoomFlags = { open: true, raw: false }): Promise<TestRoom> {
    const secret = makeSecret()
    const encryption = { ...flags, fingerprint: null, certificate: null }
    const link: Link = { room: toBase64Url(makeSecret()), role: 'moderator', secret, admission: null, encryption }
    return new TestRoom(link, toBase64Url((await hostKeyOf(secret)).publicKey), flags)
  }

  /** A page comes by a link; waits until everybody is done. */
  async enter(role: Role = 'guest', link?: Link): Promise<Page> {
    const page = await this.arrive(role, link)
    await this.settle()
    return page
  }

  /** A page comes by a link. */
  async arrive(role: Role = 'guest', link?: Link, clockError = 0): Promise<Page> {
    const id = toBase64Url(Uint8Array.from([0, 0, 0, 0, 0, 0, this.nextId >> 8, this.nextId & 0xff]))
    this.nextId += 1
    const page = new Page(this, id, role, link ?? (role === 'moderator' ? this.moderator : await guestLink(this.moderator, this.generation)))
    page.clockError = clockError
    await page.open()
    const info = infoOf(page)
    for (const other of this.pages) other.hear({ type: 'participant_joined', participant: info })
    this.pages.push(page)
    this.join(page, false)
    return page
  }

  /** Says `joined` to a page that comes, or comes back. */
  join(page: Page, resumed: boolean, change: Partial<ServerMessage & { type: 'joined' }> = {}): void {
    page.hear({
      ...QUIET_ROOM,
      type: 'joined',
      participant: page.id,
      displayName: 'x',
      role: page.role,
      resumed,
      resume: `e30.${toBase64Url(new TextEncoder().encode(JSON.stringify({ exp: CLOCK + 12 * 3600 })))}.x`,
      participants: this.pages.filter((one) => one !== page).map(infoOf),
      rules: { ...OPEN_RULES, encryption: { ...this.flags } },
      linkGeneration: this.generation,
      encryption: {
        hostKey: this.hostKey,
        circle: this.group === null ? null : { group: this.group, epoch: this.epoch },
        admission: null,
      },
      ...change,
    })
  }

  /** The server gives somebody a role, and says so. */
  setRole(page: Page, role: Role): void {
    page.role = role
    for (const one of this.pages) one.hear({ type: 'role_changed', participant: page.id, role, delegation: null })
  }

  /** A page whose line was cut is back. */
  async comeBack(page: Page): Promise<void> {
    page.online = true
    this.join(page, true)
    for (const other of this.pages) if (other !== page) other.hear({ type: 'participant_away', participant: page.id, away: false })
    await this.settle()
  }

  /** A page is loaded anew within its session. */
  async reload(page: Page): Promise<void> {
    page.session.close()
    page.workers.length = 0
    await page.open()
    this.join(page, true)
    await this.settle()
  }

  /** A page goes for good, or is sent out. */
  leave(page: Page): void {
    this.pages = this.pages.filter((one) => one !== page)
    this.members.delete(page.id)
    this.pending.delete(page.id)
    this.ready.delete(page.id)
    for (const other of this.pages) other.hear({ type: 'participant_left', participant: page.id })
    this.giveUpIfEmpty()
  }

  /** The guest link is replaced by a moderator's page. */
  async rotate(page: Page): Promise<void> {
    await page.session.sayLink(this.generation + 1)
    this.generation += 1
    for (const other of this.pages) other.hear({ type: 'link_rotated', generation: this.generation })
    await this.settle()
  }

  answer(page: Page, request: Request): ErrorCode | null {
    this.asked.push({ by: page.id, request })
    return this.refuse(page, request) ?? this.serve(page, request)
  }

  private serve(page: Page, request: Request): ErrorCode | null {
    const { id } = page
    switch (request.type) {
      case 'mls_create':
        if (this.group !== null) return 'mls_stale'
        this.group = request.group
        this.epoch = 0
        this.commits = []
        this.members = new Set([id])
        this.ready.clear()
        return null
      case 'mls_key_package':
        if (this.group === null) return 'mls_stale'
        this.members.delete(id)
        this.ready.delete(id)
        this.pending.set(id, request.keyPackage)
        this.tell(this.members, { type: 'mls_wanted', participant: id, keyPackage: request.keyPackage })
        this.giveUpIfEmpty()
        return null
      case 'mls_commit':
        return this.commit(id, request)
      case 'mls_ready': {
        if (request.group !== this.group || !this.members.has(id)) return 'mls_stale'
        const isFirst = !this.ready.has(id)
        this.ready.set(id, request.epoch)
        if (isFirst) for (const [participant, keyPackage] of this.pending) page.hear({ type: 'mls_wanted', participant, keyPackage })
        if ([...this.members].every((one) => this.ready.get(one) === this.epoch)) {
          this.tell(this.members, { type: 'mls_all_ready', group: this.group, epoch: this.epoch })
        }
        return null
      }
      case 'mls_resume':
        if (request.group !== this.group || !this.members.has(id)) return 'mls_stale'
        for (const commit of this.commits) if (commit.epoch > request.epoch) page.hear(commit)
        for (const [participant, keyPackage] of this.pending) page.hear({ type: 'mls_wanted', participant, keyPackage })
        return null
      case 'mls_say':
        this.tell(this.audience(request.audience, id), { type: 'mls_said', participant: id, audience: request.audience, sealed: request.sealed })
        return null
      case 'mls_ask_admission':
        for (const one of this.pages) {
          const memberKey = page.identity === null ? '' : this.memberKeys.get(id)
          if (one.role === 'moderator' && memberKey !== undefined) one.hear({ type: 'mls_admission_asked', participant: id, memberKey })
        }
        return null
      case 'mls_admit':
        this.pages.find((one) => one.id === request.participant)?.hear({ type: 'mls_admission', admission: request.admission })
        return null
      default:
        return 'malformed'
    }
  }

  /** What pages said in `join`. */
  readonly memberKeys = new Map<ParticipantId, string>()

  private commit(by: ParticipantId, request: Request & { type: 'mls_commit' }): ErrorCode | null {
    const { group, epoch, commit, welcome, added, removed } = request
    if (group !== this.group || epoch !== this.epoch || !this.members.has(by)) return 'mls_stale'
    if ((welcome === null) !== (added.length === 0)) return 'malformed'
    if (!added.every((one) => this.pending.has(one))) return 'mls_stale'
    if (removed.some((one) => this.members.has(one))) return 'not_allowed'
    this.epoch += 1
    for (const one of added) this.pending.delete(one)
    const committed = { type: 'mls_committed', group, epoch: this.epoch, commit, by } as const
    this.commits = [...this.commits, committed].slice(-64)
    this.tell([...this.members, ...this.pending.keys()], committed)
    for (const one of added) this.members.add(one)
    if (welcome !== null) this.tell(added, { type: 'mls_welcome', group, epoch: this.epoch, welcome })
    return null
  }

  private giveUpIfEmpty(): void {
    if (this.group === null || this.members.size > 0) return
    this.group = null
    const told = [...this.pending.keys()]
    this.pending.clear()
    this.tell(told, { type: 'mls_lost' })
  }

  private audience(audience: SayAudience, by: ParticipantId): ParticipantId[] {
    const all = this.pages.filter(({ id }) => this.members.has(id))
    if (audience === 'moderators') return all.filter(({ id, role }) => role === 'moderator' || id === by).map(({ id }) => id)
    if (typeof audience === 'object') return all.filter(({ id }) => id === audience.one || id === by).map(({ id }) => id)
    return all.map(({ id }) => id)
  }

  private tell(who: Iterable<ParticipantId>, message: ServerMessage): void {
    for (const id of who) this.pages.find((page) => page.id === id)?.hear(message)
  }

  setTimer(wake: () => void, ms: number): () => void {
    const timer = { at: this.now + ms, wake }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter((one) => one !== timer)
    }
  }

  /** Lets everybody work until nobody has anything to do for `ms`. */
  async settle(ms = 3000): Promise<void> {
    const end = this.now + ms
    for (;;) {
      await this.idle()
      const next = [...this.timers].sort((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > end) break
      this.timers = this.timers.filter((one) => one !== next)
      this.now = Math.max(this.now, next.at)
      next.wake()
    }
    this.now = end
  }

  private async idle(): Promise<void> {
    let asked = -1
    while (asked !== this.asked.length) {
      asked = this.asked.length
      for (let i = 0; i < 3; i += 1) {
        await Promise.all(this.pages.flatMap(({ session }) => [session['queue'], session['speech']['sealing']]))
        // What nobody waits for is sealed and said meanwhile.
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    }
  }
}

function infoOf({ id, role }: Page) {
  return { participant: id, displayName: 'x', role, active: [], away: false, group: null, handle: null, granted: null, linkRole: null } as unknown as (ServerMessage & { type: 'participant_joined' })['participant']
}

/** True where all of these pages, and nobody else, are members of one epoch. */
export function areTogether(pages: readonly Page[]): boolean {
  const ids = pages.map(({ id }) => id).sort()
  return pages.every(
    (page) =>
      page.session.state.value === 'member' &&
      page.baseKey !== null &&
      page.baseKey === pages[0]?.baseKey &&
      [...page.session.members.value.keys()].sort().join() === ids.join(),
  )
}

/** The guest secret of a generation. */
export function guestSecretOf(room: TestRoom, generation: number): Promise<Uint8Array<ArrayBuffer>> {
  return deriveGuestSecret(room.moderator.secret, generation)
}

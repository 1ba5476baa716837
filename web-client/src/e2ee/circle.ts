// How a page comes into the circle, stays in it, and lets others in: what it asks of the server and
// what it makes of what the server says. The server orders commits and can make none. Time is an
// argument, in milliseconds; calls follow one another, each once the one before has ended.

import { fromBase64Url, toBase64Url } from '../link'
import type { Request } from '../protocol/connection'
import type { CirclePlace, ErrorCode, ServerMessage } from '../protocol/generated'
import type { ParticipantId } from './admission'
import { type Bytes, isSame } from './bytes'
import { type CircleContext, drawTicket, Epoch, type Judge, type Made, type Own, readKeyPackage, type Ticket } from './epoch'
import { Refused } from './refused'

/** What a circle asks of the server. */
export type CircleRequest = Extract<Request, { type: 'mls_create' | 'mls_key_package' | 'mls_commit' | 'mls_ready' | 'mls_resume' }>

/** What became of a request: `lost` where the line broke before the answer. */
export type Outcome = 'done' | 'lost' | ErrorCode

/** What a circle works with. */
export interface CircleAround {
  readonly judge: Judge
  request(request: CircleRequest): Promise<Outcome>
  /** Newest generation of the guest link that this page knows. */
  newestLink(): number
  /** An epoch began. */
  handleEpoch(epoch: Epoch, change: Change): Promise<void>
  /** This page is in no circle any more. */
  handleOut(): void
  /** Something was refused; `isClock` where a clock is wrong. */
  handleRefused(why: string, isClock: boolean): void
  /** This page asks no more to be added: a clock stays wrong. */
  handleGivenUp(): void
}

/** What made an epoch. */
export interface Change {
  /** True when it is the first one of this page in this circle. */
  readonly isFirst: boolean
  readonly added: readonly ParticipantId[]
  readonly removed: readonly ParticipantId[]
  /** True when this page made it. */
  readonly isOwn: boolean
}

/** A page's part in the circle. */
export class Circle {
  private epoch: Epoch | null = null
  private own: Own | null = null
  /** What this page showed to be added, newest first. */
  private tickets: Ticket[] = []
  /** Those who asked to be added, by the key package they showed. */
  private readonly wanted = new Map<ParticipantId, Bytes>()
  /** What was sent, where the line broke before the answer. Nothing else is made before it is known
   * what became of it. */
  private inFlight: Pending | null = null
  /** True once the server said all that came after what was sent, or is about to be heard. */
  private caughtUp = false
  /** In which a commit of this page was refused, and nothing came since of another one. */
  private refusedIn: Epoch | null = null
  /** Since when there is something to commit. */
  private since: number | null = null
  private rekeyWanted = false
  /** True after a refusal, until this page is added anew. */
  private broken = false
  private retryAt: number | null = null
  private failures = 0
  /** How often in a row this page was welcomed and could not believe the members, for a wrong clock. */
  private misdated = 0
  /** When to say again that this page has the keys of now, unless the server answers before. */
  private readyAt: number | null = null
  /** True where the next try is to make the circle. */
  private creates = false
  /** Up to this epoch, what comes was missed before, and who was here then is not known. */
  private missedUntil = -1

  constructor(
    private readonly context: CircleContext,
    private readonly around: CircleAround,
  ) {}

  /** The epoch of now; `null` outside. */
  get current(): Epoch | null {
    return this.epoch
  }

  /** True while the epoch is one of before a refusal. */
  get isBroken(): boolean {
    return this.broken
  }

  /** The server said `joined`: makes the circle, comes back into it, or asks to be added. */
  async enter(own: Own, place: CirclePlace | null, now: number): Promise<void> {
    const isSameOwn = this.own !== null && isSame(this.own.memberKey, own.memberKey)
    this.own = own
    this.wanted.clear()
    this.retryAt = null
    this.failures = 0
    this.misdated = 0
    if (place === null) return this.create(now)
    const { epoch } = this
    if (epoch === null || !isSameOwn || this.broken || toBase64Url(epoch.group) !== place.group) return this.ask(now)
    this.missedUntil = place.epoch
    await this.resume(epoch, now)
    this.note(now)
  }

  /** What the server says of the circle; all else is nothing to it. */
  async hear(message: ServerMessage, now: number): Promise<void> {
    switch (message.type) {
      case 'mls_wanted': {
        const bytes = fromBase64Url(message.keyPackage)
        if (bytes === null || message.participant === this.own?.credential.participant) return
        if (this.wanted.size < MAX_WANTED) this.wanted.set(message.participant, bytes)
        this.note(now)
        return
      }
      case 'mls_committed':
        return this.committed(message, now)
      case 'mls_welcome':
        return this.welcomed(message, now)
      case 'mls_lost':
        this.leave()
        return this.create(now)
      case 'participant_left':
        this.wanted.delete(message.participant)
        this.note(now)
        return
      case 'participant_joined':
        this.note(now)
        return
      default:
    }
  }

  /** New keys are needed: this page makes them, unless somebody else does before. */
  rekey(now: number): void {
    this.rekeyWanted = true
    this.note(now)
  }

  /** A clock was put right: what failed for it is tried at once. */
  tryAgain(now: number): void {
    if (this.misdated === 0) return
    this.misdated = 0
    this.retryAt = now
  }

  /** When `wake` is to be called; `null` when there is nothing to wait for. */
  wakeAt(): number | null {
    const at = Math.min(this.retryAt ?? Infinity, this.readyAt ?? Infinity, this.dueAt() ?? Infinity)
    return at === Infinity ? null : at
  }

  /** Does what is due. */
  async wake(now: number): Promise<void> {
    if (this.retryAt !== null && now >= this.retryAt) {
      this.retryAt = null
      if (this.epoch !== null && this.inFlight !== null) await this.resume(this.epoch, now)
      else if (this.creates) await this.create(now)
      else await this.ask(now)
    }
    if (this.readyAt !== null && now >= this.readyAt) this.sayReady(now)
    const due = this.dueAt()
    if (due !== null && now >= due) await this.commit(now)
  }

  /** Forgets the circle. */
  leave(): void {
    const wasIn = this.epoch !== null
    this.epoch = null
    this.refusedIn = null
    this.tickets = []
    this.inFlight = null
    this.since = null
    this.retryAt = null
    this.readyAt = null
    this.broken = false
    this.rekeyWanted = false
    if (wasIn) this.around.handleOut()
  }

  /** Who commits, in this order: moderators before others, lower leaves before higher ones, and only
   * those who are here and have not come anew. */
  private rank({ leaves, ownLeaf }: Epoch): number {
    const line = [...leaves.values()]
      .filter(({ credential: { participant }, leaf }) => leaf === ownLeaf || (this.isHere(participant) && !this.wanted.has(participant)))
      .sort((a, b) => Number(isModerator(b)) - Number(isModerator(a)) || a.leaf - b.leaf)
    return line.findIndex(({ leaf }) => leaf === ownLeaf)
  }

  private isHere(participant: ParticipantId): boolean {
    return this.around.judge.isPresent(participant) !== false
  }

  /** Leaves of those who are gone. */
  private goneLeaves({ leaves, ownLeaf }: Epoch): number[] {
    return [...leaves.values()]
      .filter(({ leaf, credential }) => leaf !== ownLeaf && !this.isHere(credential.participant))
      .map(({ leaf }) => leaf)
  }

  private hasWork(epoch: Epoch): boolean {
    return this.rekeyWanted || this.wanted.size > 0 || this.goneLeaves(epoch).length > 0
  }

  /** Notes since when there is something to do. */
  private note(now: number): void {
    const { epoch } = this
    if (epoch === null || !this.hasWork(epoch)) this.since = null
    else this.since ??= now
  }

  private dueAt(): number | null {
    const { epoch, since } = this
    if (epoch === null || since === null || this.broken) return null
    if (this.inFlight !== null && !this.caughtUp) return null
    const rank = this.rank(epoch)
    return since + (rank === 0 || this.rekeyWanted ? BATCH_MS : rank * TURN_MS)
  }

  private async create(now: number): Promise<void> {
    if (this.own === null) return
    this.creates = false
    if (this.epoch !== null) this.leave()
    const epoch = await Epoch.create(this.context, await drawTicket(this.own))
    const outcome = await this.around.request({ type: 'mls_create', group: toBase64Url(epoch.group) })
    if (outcome === 'done') await this.adopt(epoch, { isFirst: true, added: [], removed: [], isOwn: true }, now)
    else if (outcome === 'lost') {
      this.creates = true
      this.retryLater(now)
    }
    // Somebody else was first.
    else await this.ask(now)
  }

  /** Asks to be added, by a key package that nobody has seen. */
  private async ask(now: number): Promise<void> {
    if (this.own === null) return
    const ticket = await drawTicket(this.own)
    this.tickets = [ticket, ...this.tickets].slice(0, MAX_TICKETS)
    this.inFlight = null
    // Those who could add this page may all be gone.
    this.retryAt = now + ASK_AGAIN_MS
    const outcome = await this.around.request({ type: 'mls_key_package', keyPackage: toBase64Url(ticket.keyPackage) })
    if (outcome !== 'done') this.retryLater(now)
    // There is no circle any more.
    this.creates = outcome === 'mls_stale'
  }

  /** Asks for what was missed. Where the server does not have it any more, this page is added anew. */
  private async resume({ group, number }: Epoch, now: number): Promise<void> {
    const outcome = await this.around.request({ type: 'mls_resume', group: toBase64Url(group), epoch: number })
    if (outcome === 'done') {
      // What was missed is heard next; what was sent is among it, or was never taken.
      this.caughtUp = true
      this.retryAt = null
      if (this.inFlight !== null) this.since = now
      this.sayReady(now)
    } else if (outcome === 'lost') {
      if (this.inFlight !== null) this.retryLater(now)
    } else {
      this.leave()
      await this.ask(now)
    }
  }

  /** Says that this page has the keys of now, without which it gets no media; nothing waits for the
   * answer. */
  private sayReady(now: number): void {
    const { epoch } = this
    this.readyAt = null
    if (epoch === null) return
    this.readyAt = now + READY_AGAIN_MS
    void this.around.request({ type: 'mls_ready', group: toBase64Url(epoch.group), epoch: epoch.number }).then((outcome) => {
      if (this.epoch === epoch && outcome !== 'lost') this.readyAt = null
    })
  }

  private retryLater(now: number): void {
    this.retryAt = now + Math.min(RETRY_MS * 2 ** this.failures, ASK_AGAIN_MS)
    this.failures += 1
  }

  private async welcomed(message: ServerMessage & { type: 'mls_welcome' }, now: number): Promise<void> {
    const welcome = fromBase64Url(message.welcome)
    if (welcome === null || this.tickets.length === 0) return
    let fault: unknown = null
    for (const ticket of this.tickets) {
      try {
        const epoch = await Epoch.join(this.context, ticket, welcome, this.around.judge)
        if (toBase64Url(epoch.group) !== message.group || epoch.number !== message.epoch) throw new Refused('another circle')
        await this.adopt(epoch, { isFirst: true, added: [], removed: [], isOwn: false }, now)
        return
      } catch (error) {
        fault ??= error
      }
    }
    this.refuse(fault, now)
    if (fault instanceof Refused && fault.isClock) this.waitForClock(now)
  }

  /** Each try takes everybody to another epoch, so there are few, and ever fewer. */
  private waitForClock(now: number): void {
    this.misdated += 1
    if (this.misdated < MOST_MISDATED) {
      this.retryAt = now + MISDATED_MS * 2 ** (this.misdated - 1)
      return
    }
    this.retryAt = null
    this.around.handleGivenUp()
  }

  private async committed(message: ServerMessage & { type: 'mls_committed' }, now: number): Promise<void> {
    const { epoch } = this
    const commit = fromBase64Url(message.commit)
    if (epoch === null || this.broken || toBase64Url(epoch.group) !== message.group) return
    if (message.epoch <= epoch.number || commit === null) return
    if (message.epoch > epoch.number + 1) {
      // Something is missing in between.
      this.missedUntil = message.epoch
      return this.resume(epoch, now)
    }
    const pending = this.inFlight
    if (pending !== null && isSame(pending.made.commit, commit)) {
      await this.adopt(pending.made.next, { ...pending.change, isOwn: true }, now)
      return
    }
    this.inFlight = null
    try {
      const processed = await epoch.process(commit, this.judgeAt(message.epoch))
      if (processed === null) {
        this.leave()
        await this.ask(now)
        return
      }
      const { next, added, removed } = processed
      await this.adopt(next, { isFirst: false, added, removed, isOwn: false }, now)
    } catch (error) {
      this.broken = true
      this.refuse(error, now)
    }
  }

  /** While this page catches up, it does not know who was here. */
  private judgeAt(epoch: number): Judge {
    const { judge } = this.around
    if (epoch > this.missedUntil) return judge
    return { pskOf: (g) => judge.pskOf(g), judge: (leaf, joining) => judge.judge(leaf, joining), isPresent: () => null }
  }

  private refuse(error: unknown, now: number): void {
    this.retryLater(now)
    this.around.handleRefused(error instanceof Error ? error.message : 'unknown', error instanceof Refused && error.isClock)
  }

  private async commit(now: number): Promise<void> {
    const { epoch } = this
    if (epoch === null) return
    // What was sent before the line broke did not come back with what was missed: it was never taken.
    this.inFlight = null
    if (this.refusedIn === epoch) {
      // The commit that was first never came. Who is still to be added is told again with what was missed;
      // the rest may be key packages of before, which the server lets nobody add.
      this.refusedIn = null
      this.wanted.clear()
      this.since = now
      return this.resume(epoch, now)
    }
    const candidates = await this.soundCandidates(epoch)
    const gone = this.goneLeaves(epoch)
    if (candidates.length === 0 && gone.length === 0 && !this.rekeyWanted) {
      this.note(now)
      return
    }
    const pending = await this.make(epoch, candidates, gone)
    this.since = now
    if (pending === null) return
    const { made, change } = pending
    const { next, commit, welcome } = made
    const { added, removed } = change
    const outcome = await this.around.request({
      type: 'mls_commit',
      group: toBase64Url(epoch.group),
      epoch: epoch.number,
      commit: toBase64Url(commit),
      welcome: welcome === null ? null : toBase64Url(welcome),
      added: [...added],
      removed: [...removed],
    })
    // A refused one is dropped: the commit that was first is on its way.
    if (outcome === 'done') await this.adopt(next, change, now)
    else if (outcome === 'mls_stale') this.refusedIn = epoch
    else if (outcome === 'lost') {
      this.inFlight = pending
      this.caughtUp = false
      this.retryLater(now)
    }
  }

  /** Those who can be added now. Whoever may not be is not looked at again. */
  private async soundCandidates(epoch: Epoch): Promise<Candidate[]> {
    const sound: Candidate[] = []
    for (const [participant, bytes] of this.wanted) {
      if (sound.length >= MAX_ADDS) break
      try {
        const { pack, leaf } = readKeyPackage(bytes)
        if (leaf.credential.participant !== participant || !this.isHere(participant)) throw new Refused('somebody else’s key package')
        const fault = await this.around.judge.judge(leaf, false)
        if (fault !== null) throw new Refused(`not admitted: ${fault}`)
        if (epoch.leafOf(participant)?.leaf === epoch.ownLeaf) throw new Refused('oneself')
        sound.push({ participant, pack })
      } catch (error) {
        this.wanted.delete(participant)
        this.around.handleRefused(error instanceof Error ? error.message : 'unknown', false)
      }
    }
    return sound
  }

  /** Makes the commit; leaves out key packages that cannot be added, or not beside those before them. */
  private async make(epoch: Epoch, candidates: readonly Candidate[], gone: readonly number[]): Promise<Pending | null> {
    const generation = this.around.newestLink()
    let kept: readonly Candidate[] = []
    let pending: Pending | null = null
    const add = async (more: readonly Candidate[]): Promise<void> => {
      const all = [...kept, ...more]
      const earlier = all.flatMap(({ participant }) => epoch.leafOf(participant)?.leaf ?? [])
      const remove = [...new Set([...gone, ...earlier])]
      try {
        const made = await epoch.commit(all.map(({ pack }) => pack), remove, generation, this.around.judge)
        const added = all.map(({ participant }) => participant)
        const removed = remove.flatMap((leaf) => epoch.leaves.get(leaf)?.credential.participant ?? [])
        kept = all
        pending = { made, change: { isFirst: false, added, removed, isOwn: true } }
      } catch (error) {
        const [first] = more
        if (more.length > 1) {
          const half = more.length >> 1
          await add(more.slice(0, half))
          await add(more.slice(half))
        } else {
          if (first !== undefined) this.wanted.delete(first.participant)
          this.around.handleRefused(error instanceof Error ? error.message : 'unknown', false)
        }
      }
    }
    await add(candidates)
    return pending
  }

  private async adopt(next: Epoch, change: Change, now: number): Promise<void> {
    this.epoch = next
    this.inFlight = null
    this.broken = false
    this.retryAt = null
    this.failures = 0
    this.misdated = 0
    this.since = null
    // Any epoch has new keys.
    this.rekeyWanted = false
    if (change.isFirst) this.tickets = []
    for (const participant of change.added) this.wanted.delete(participant)
    this.note(now)
    await this.around.handleEpoch(next, change)
    this.sayReady(now)
  }
}

interface Pending {
  readonly made: Made
  readonly change: Change
}

interface Candidate {
  readonly participant: ParticipantId
  readonly pack: ReturnType<typeof readKeyPackage>['pack']
}

function isModerator({ credential }: { readonly credential: { readonly admission: { readonly role: string } } }): boolean {
  return credential.admission.role === 'moderator'
}

/** How long those who come are gathered before they are added at once. Longer: everybody waits;
 * shorter: a class that comes at once makes a commit for each. */
const BATCH_MS = 150
/** After how long the next in line does what the one before has not done. */
const TURN_MS = 750
/** First pause after something failed; each later one is twice as long. */
const RETRY_MS = 250
/** When to say `mls_ready` again that was not answered. Longer: black for longer; shorter: said twice
 * on slow lines. */
const READY_AGAIN_MS = 5_000
/** When to ask again to be added, where nobody does it. */
const ASK_AGAIN_MS = 15_000
/** First pause after a wrong clock kept this page from believing the members; each later one is twice as
 * long. Shorter: more epochs that help nobody; longer: whoever put it right waits, where that is not seen. */
const MISDATED_MS = 2_000
/** Then it gives up: after some four minutes. */
const MOST_MISDATED = 8
/** As many as fit into one commit and its Welcome, as the server bounds them. */
const MAX_ADDS = 40
/** More than a room holds. */
const MAX_WANTED = 1_000
/** A Welcome may be for the key package before the last. */
const MAX_TICKETS = 3

// Roots of the levels that not everybody has: who was handed which. Somebody who drops out costs a new
// root; somebody who comes gets the one there is.

import { type Bytes, isSame } from './bytes'
import type { ParticipantId } from './admission'
import type { SealedRoot } from './messages'
import type { SayAudience } from '../protocol/generated'
import { sealRoot } from './narrow'
import type { Recipients } from './words'

/** What is to be said after the audience of a level changed. */
export interface Handout {
  readonly root: Bytes
  /** True where everybody gets it, because it is new. */
  readonly isNew: boolean
  readonly keys: readonly SealedRoot[]
}

/** One level of this page's own. */
export class Audience {
  private root: Bytes | null = null
  /** By whose audience key the root was sealed. */
  private handed = new Map<ParticipantId, Bytes>()

  constructor(private readonly level: 1 | 2) {}

  /** The audience, with their audience keys, is this from now on; `null` where nothing is to be said. */
  async change(members: ReadonlyMap<ParticipantId, Bytes>): Promise<Handout | null> {
    const hasLeft = [...this.handed].some(([participant, key]) => {
      const now = members.get(participant)
      return now === undefined || !isSame(now, key)
    })
    const isNew = this.root === null || hasLeft
    const root = isNew || this.root === null ? crypto.getRandomValues(new Uint8Array(16)) : this.root
    const handed = isNew ? new Map<ParticipantId, Bytes>() : this.handed
    const missing = [...members].filter(([participant]) => !handed.has(participant))
    if (!isNew && missing.length === 0) return null
    const sealed = await Promise.all(
      missing.map(async ([participant, key]) => {
        // A key that is none, as anybody can put into their leaf, keeps the root from nobody else.
        const own = await sealRoot(key, this.level, root).catch(() => null)
        return own === null ? null : { participant, ...own }
      }),
    )
    const keys = sealed.filter((one) => one !== null)
    this.root = root
    this.handed = new Map(handed)
    for (const { participant } of keys) this.handed.set(participant, members.get(participant) ?? new Uint8Array())
    return { root, isNew, keys }
  }

  /** These have the root no more, or never got it. */
  forgetHanded(participants: readonly ParticipantId[]): void {
    for (const participant of participants) this.handed.delete(participant)
  }

  /** Where somebody has the root who is not among these, it is good no more; true then. */
  dropIfOthersHaveIt(participants: readonly ParticipantId[]): boolean {
    if ([...this.handed.keys()].every((one) => participants.includes(one))) return false
    this.forget()
    return true
  }

  /** The circle is gone: the next audience gets another root. */
  forget(): void {
    this.root = null
    this.handed.clear()
  }
}

/** What `Roots` works with. */
export interface RootsAround {
  /** This page; `null` before the server has said it. */
  self(): ParticipantId | null
  /** The audience key of a member; `null` for nobody. */
  keyOf(participant: ParticipantId): Bytes | null
  /** This page seals with another root, or with none until there is one. */
  setRoot(level: 1 | 2, root: Bytes | null): void
  /** Rejects where it was not said. */
  say(level: 1 | 2, keys: readonly SealedRoot[]): Promise<void>
  /** Somebody was not reached: time to hand out again, some time from now. */
  handleMissed(level: 1 | 2): void
}

/** Both levels of this page's own. */
export class Roots {
  private readonly levels = { 1: new Audience(1), 2: new Audience(2) } as const
  private readonly audiences = new Map<1 | 2, readonly ParticipantId[]>()

  constructor(private readonly around: RootsAround) {}

  /** The levels in use. */
  get inUse(): (1 | 2)[] {
    return [...this.audiences.keys()]
  }

  /** A level is for these from now on, and nothing is sealed any more with a root that others have;
   * `handOut` is to follow. */
  setAudience(level: 1 | 2, participants: readonly ParticipantId[]): void {
    this.audiences.set(level, participants)
    if (this.levels[level].dropIfOthersHaveIt(participants)) this.around.setRoot(level, null)
  }

  /** Hands the root of a level to those it is for and who have it not. */
  async handOut(level: 1 | 2): Promise<void> {
    const audience = this.levels[level]
    const self = this.around.self()
    const others = (this.audiences.get(level) ?? []).filter((one) => one !== self)
    const handout = await audience.change(this.withKeys(others))
    if (handout === null) return
    // It may be for others by now.
    if (audience.dropIfOthersHaveIt(this.audiences.get(level) ?? [])) {
      this.around.setRoot(level, null)
      return
    }
    if (handout.keys.length > 0) this.say(level, handout.keys)
    if (handout.isNew) this.around.setRoot(level, handout.root)
  }

  /** Who may read what this page says to an audience, with itself; `null` where all members may, as what
   * is said to one's group outside of all groups. */
  recipients(audience: SayAudience, moderators: readonly ParticipantId[]): Recipients | null {
    const group = this.audiences.get(1) ?? []
    if (audience === 'everybody' || (audience === 'group' && group.length === 0)) return null
    const to = typeof audience === 'object' ? [audience.one] : audience === 'group' ? group : moderators
    const self = this.around.self()
    return this.withKeys(self === null ? to : [...to, self])
  }

  /** These came anew, or back: what they were handed may be lost. `handOut` is to follow. */
  forgetHanded(participants: readonly ParticipantId[]): void {
    for (const level of LEVELS) this.levels[level].forgetHanded(participants)
  }

  /** The circle is gone: the next audiences get other roots. */
  forget(): void {
    for (const level of LEVELS) {
      this.levels[level].forget()
      this.around.setRoot(level, null)
    }
  }

  private withKeys(participants: readonly ParticipantId[]): Map<ParticipantId, Bytes> {
    const keys = new Map<ParticipantId, Bytes>()
    for (const participant of participants) {
      const key = this.around.keyOf(participant)
      if (key !== null) keys.set(participant, key)
    }
    return keys
  }

  private say(level: 1 | 2, keys: readonly SealedRoot[]): void {
    this.around.say(level, keys).catch(() => {
      this.levels[level].forgetHanded(keys.map(({ participant }) => participant))
      this.around.handleMissed(level)
    })
  }
}

const LEVELS = [1, 2] as const

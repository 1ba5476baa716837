// The keys that frames are sealed and opened with: of epochs, and of levels that not everybody has.
// Pure: time is an argument, in milliseconds of any one clock.

import type { ParticipantId } from './admission'
import type { Bytes } from './bytes'
import type { EpochKeys } from './frame-messages'
import { epochsAfter, type Level } from './sframe'

/** What is known of the epoch of a frame. */
export type EpochLookup =
  | EpochKeys
  /** It begins later than those that are known: its keys may be on their way. */
  | 'later'
  /** It is over. */
  | 'gone'

/** Keys of this page's circle. */
export class FrameKeys {
  /** Newest last; those before it end some time after it came. */
  private epochs: { readonly keys: EpochKeys; endsAt: number }[] = []
  private readonly roots = new Map<string, readonly Bytes[]>()

  /** An epoch began. */
  add(keys: EpochKeys, now: number): void {
    if (this.epochs.some((one) => one.keys.serial >= keys.serial)) return
    for (const one of this.epochs) one.endsAt = Math.min(one.endsAt, now + KEPT_MS)
    this.epochs.push({ keys, endsAt: Infinity })
    this.epochs = this.epochs.slice(-MAX_EPOCHS)
  }

  /** The circle is gone, and its keys with it. */
  forget(): void {
    this.epochs = []
    this.roots.clear()
  }

  /** The epoch that a frame names modulo 256. */
  find(epoch: number, now: number): EpochLookup {
    this.epochs = this.epochs.filter(({ endsAt }) => endsAt > now)
    const found = this.epochs.findLast(({ keys }) => (keys.epoch & 0xff) === epoch)
    if (found !== undefined) return found.keys
    const newest = this.epochs.at(-1)
    return newest === undefined || epochsAfter(epoch, newest.keys.epoch & 0xff) > 0 ? 'later' : 'gone'
  }

  /** Number of the oldest epoch that is still good; `Infinity` where none is. */
  oldest(now: number): number {
    return Math.min(...this.epochs.filter(({ endsAt }) => endsAt > now).map(({ keys }) => keys.serial))
  }

  /** By its number on this page. */
  bySerial(serial: number): EpochKeys | null {
    return this.epochs.find(({ keys }) => keys.serial === serial)?.keys ?? null
  }

  /** Somebody's root of a level. The one before it stays good: both are of one key id. */
  addRoot(participant: ParticipantId, level: Level, root: Bytes): void {
    const key = `${participant} ${level}`
    const [newest] = this.roots.get(key) ?? []
    this.roots.set(key, newest === undefined ? [root] : [root, newest])
  }

  /** Somebody's roots of a level, newest first. */
  rootsOf(participant: ParticipantId, level: Level): readonly Bytes[] {
    return this.roots.get(`${participant} ${level}`) ?? []
  }

  /** Forgets the roots of whoever is in no epoch any more. */
  forgetRootsOfOthers(): void {
    const present = new Set(this.epochs.flatMap(({ keys }) => [...keys.leaves.values()]))
    for (const key of this.roots.keys()) if (!present.has(key.slice(0, key.indexOf(' ')))) this.roots.delete(key)
  }
}

/** How long frames of an epoch that is over are still opened. Longer: somebody who was sent out could
 * be heard longer; shorter: the last frames before a change are lost on slow roads. */
const KEPT_MS = 5_000
/** As many epochs as may begin in that time: a class that arrives one by one. */
const MAX_EPOCHS = 32

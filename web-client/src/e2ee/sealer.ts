// Seals what this page sends. Without a key, nothing goes out.

import type { Bytes } from './bytes'
import { clearPrefix } from './codec'
import type { EpochKeys, SentCount, TrackSource } from './frame-messages'
import { encodeKeyId, FrameKey, type Level, narrowBaseKey, seal } from './sframe'

/** The sending half of the worker. Pure, but for WebCrypto. */
export class Sealer {
  /** True in a room of whole frames. */
  raw = false
  private epoch: EpochKeys | null = null
  /** The last epoch that anything was sealed in: no counter ever begins anew in it. */
  private lastSerial = -1
  private readonly levels = new Map<TrackSource, Level>()
  private readonly roots = new Map<Level, Bytes>()
  private readonly tracks = new Map<TrackSource, Track>()

  /** Seals with this epoch from now on; `null` with none. One that is older than what was sealed with
   * before counts as none. */
  sendWith(epoch: EpochKeys | null): void {
    this.epoch = epoch === null || epoch.serial < this.lastSerial ? null : epoch
    if (this.epoch === null || this.epoch.serial === this.lastSerial) return
    this.lastSerial = this.epoch.serial
    for (const track of this.tracks.values()) track.keys.clear()
  }

  /** The own root of a level; without one, nothing is sent at that level. */
  setRoot(level: 1 | 2, root: Bytes | null): void {
    if (root === null) this.roots.delete(level)
    else this.roots.set(level, root)
    // The counters go on: the key id stays, and the server sees that none comes twice.
    for (const track of this.tracks.values()) {
      const key = track.keys.get(level)
      if (key !== undefined) key.key = null
    }
  }

  /** For whom a source is sealed from now on. */
  setLevel(source: TrackSource, level: Level): void {
    this.levels.set(source, level)
  }

  /** Seals one frame; `null` where it may not go out. */
  async seal(source: TrackSource, frame: Bytes, mimeType: string | null): Promise<Bytes | null> {
    const track = this.track(source)
    const level = this.levels.get(source) ?? 0
    const prefix = mimeType === null ? null : clearPrefix(mimeType, this.raw, frame)
    const root = this.roots.get(level)
    if (this.epoch === null || prefix === null || (level !== 0 && root === undefined)) {
      track.dropped += 1
      return null
    }
    const { epoch } = this
    const kid = encodeKeyId({ source, level, leaf: epoch.leaf, epoch: epoch.epoch })
    const used = track.keys.get(level) ?? { counter: 0, key: null }
    track.keys.set(level, used)
    used.key ??= deriveKey(epoch.baseKey, root ?? null, kid)
    // Taken before anything is waited for: several layers are sealed at once.
    const { counter } = used
    used.counter += 1
    const sealed = await seal(await used.key, kid, counter, frame.slice(prefix), frame.slice(0, prefix))
    track.encrypted += 1
    return sealed
  }

  /** A frame of this source was handed to the browser. */
  noteWritten(source: TrackSource): void {
    this.track(source).written += 1
  }

  /** What was sent and what was not. */
  count(): SentCount[] {
    return [...this.tracks].map(([source, { encrypted, dropped, written }]) => {
      return { source, encrypted, dropped, clear: Math.max(0, written - encrypted) }
    })
  }

  private track(source: TrackSource): Track {
    const known = this.tracks.get(source)
    if (known !== undefined) return known
    const track: Track = { keys: new Map(), encrypted: 0, dropped: 0, written: 0 }
    this.tracks.set(source, track)
    return track
  }
}

async function deriveKey(baseKey: Bytes, root: Bytes | null, kid: number): Promise<FrameKey> {
  return FrameKey.derive(root === null ? baseKey : await narrowBaseKey(baseKey, root), kid, 'encrypt')
}

interface Track {
  /** By level: the key in this epoch and the next counter of its key id. */
  readonly keys: Map<Level, { counter: number; key: Promise<FrameKey> | null }>
  encrypted: number
  dropped: number
  written: number
}

// Opens what arrives, and drops whatever is not what it should be. Nothing is ever passed on that was
// not decrypted: a browser plays ciphertext as noise.

import type { ParticipantId } from './admission'
import type { Bytes } from './bytes'
import { clearPrefix } from './codec'
import type { DropReason, EpochKeys, Expected, ReceivedCount } from './frame-messages'
import type { FrameKeys } from './frame-keys'
import { decodeHeader, decodeKeyId, FrameKey, type Header, type KeyId, narrowBaseKey, open, ReplayWindow, TAG_BYTES } from './sframe'

/** The receiving half of the worker: what all sections share. Pure, but for WebCrypto. */
export class Opener {
  /** True in a room of whole frames. */
  raw = false
  private readonly counts = new Map<string, Count>()
  /** By epoch, key id and root. */
  private readonly keys = new Map<string, Promise<FrameKey>>()
  /** By epoch and key id. */
  private readonly windows = new Map<string, ReplayWindow>()
  private oldest = 0

  constructor(readonly epochs: FrameKeys) {}

  /** What came of each track. */
  count(): ReceivedCount[] {
    return [...this.counts.values()].map((count) => ({ ...count, dropped: { ...count.dropped } }))
  }

  /** Forgets keys of epochs before this one; `Infinity` where no epoch is good. */
  forgetBefore(serial: number): void {
    if (serial <= this.oldest) return
    if (Number.isFinite(serial)) this.oldest = serial
    for (const map of [this.keys, this.windows]) {
      for (const key of map.keys()) if (Number.parseInt(key) < serial) map.delete(key)
    }
  }

  /** The counter of what a section is meant to carry. */
  countOf({ participant, source }: Expected): Count {
    const key = `${participant} ${source}`
    const known = this.counts.get(key)
    if (known !== undefined) return known
    const dropped = { no_key: 0, forged: 0, replayed: 0, misrouted: 0, clear: 0 }
    const count: Count = { participant, source, decrypted: 0, dropped }
    if (this.counts.size >= MAX_COUNTS) this.counts.clear()
    this.counts.set(key, count)
    return count
  }

  /** Which counters of a key id came already. */
  window(keys: EpochKeys, kid: number): ReplayWindow {
    const key = `${keys.serial} ${kid}`
    const known = this.windows.get(key)
    if (known !== undefined) return known
    const made = new ReplayWindow()
    this.windows.set(key, made)
    return made
  }

  /** The key of a key id, with a root where the level has one. */
  key(keys: EpochKeys, kid: number, root: Bytes | null): Promise<FrameKey> {
    const name = `${keys.serial} ${kid} ${root === null ? '' : root.join()}`
    const known = this.keys.get(name)
    if (known !== undefined) return known
    const base = root === null ? Promise.resolve(keys.baseKey) : narrowBaseKey(keys.baseKey, root)
    const made = base.then((baseKey) => FrameKey.derive(baseKey, kid, 'decrypt'))
    this.keys.set(name, made)
    return made
  }
}

/** One receiving section. `F` is the browser's frame. */
export class Section<F> {
  private expected: Expected | null = null
  /** What it carried until a moment ago: its last frames are no fault of anybody's. */
  private before: { readonly track: Expected; readonly until: number } | null = null
  private held: Held<F>[] = []
  private retrying = false

  constructor(
    private readonly opener: Opener,
    private readonly deliver: (frame: F, data: Bytes) => void,
  ) {}

  /** Whose track this is meant to carry from now on. */
  expect(track: Expected | null, now: number): void {
    const { expected } = this
    if (expected?.participant === track?.participant && expected?.source === track?.source) return
    this.before = expected === null ? null : { track: expected, until: now + CHANGE_MS }
    this.expected = track
    this.held = []
  }

  /** True while frames wait for a key. */
  get isHolding(): boolean {
    return this.held.length > 0
  }

  /** A frame came. */
  async take(frame: F, data: Bytes, mimeType: string | null, now: number): Promise<void> {
    // Browsers hand out packets of padding as frames without content.
    if (data.length === 0) return
    const outcome = await this.tryOpen(data, mimeType, now)
    if (outcome === 'hold') {
      this.held.push({ frame, data, mimeType, at: now })
      if (this.held.length > MAX_HELD) this.drop(this.held.shift(), 'no_key')
    } else this.settle(frame, outcome)
  }

  /** Keys came, or time passed: tries again what waits, in its order. */
  async retry(now: number): Promise<void> {
    if (this.retrying) return
    this.retrying = true
    try {
      for (const one of [...this.held]) {
        const outcome = await this.tryOpen(one.data, one.mimeType, now)
        const isOver = now - one.at >= HOLD_MS
        if (!this.held.includes(one) || (outcome === 'hold' && !isOver)) continue
        this.held = this.held.filter((other) => other !== one)
        if (outcome === 'hold') this.drop(one, 'no_key')
        else this.settle(one.frame, outcome)
      }
    } finally {
      this.retrying = false
    }
  }

  private settle(frame: F, outcome: Bytes | DropReason | 'late'): void {
    if (outcome === 'late') return
    const count = this.expected === null ? null : this.opener.countOf(this.expected)
    if (typeof outcome === 'string') {
      if (count !== null) count.dropped[outcome] += 1
      return
    }
    if (count !== null) count.decrypted += 1
    this.deliver(frame, outcome)
  }

  private drop(held: Held<F> | undefined, why: DropReason): void {
    if (held !== undefined) this.settle(held.frame, why)
  }

  private async tryOpen(data: Bytes, mimeType: string | null, now: number): Promise<Bytes | DropReason | 'hold' | 'late'> {
    const prefix = mimeType === null ? null : clearPrefix(mimeType, this.opener.raw, data)
    const header = prefix === null ? null : decodeHeader(data, prefix)
    const id = header === null ? null : decodeKeyId(header.kid)
    // No frame is sealed as a message is.
    if (prefix === null || header === null || id === null || id.source === 'data') return 'clear'
    if (data.length < prefix + header.length + TAG_BYTES) return 'clear'
    const { expected, before } = this
    if (id.source !== expected?.source && id.source !== before?.track.source) return 'misrouted'
    const keys = this.opener.epochs.find(id.epoch, now)
    if (keys === 'later') return 'hold'
    if (keys === 'gone') return 'no_key'
    const from = keys.leaves.get(id.leaf)
    if (from === undefined || expected === null || !isFrom(expected, from, id)) {
      return before !== null && now < before.until && isFrom(before.track, from, id) ? 'late' : 'misrouted'
    }
    return this.decrypt(keys, from, id, header, data, prefix)
  }

  private async decrypt(
    keys: EpochKeys,
    from: ParticipantId,
    id: KeyId,
    header: Header,
    data: Bytes,
    prefix: number,
  ): Promise<Bytes | DropReason | 'hold'> {
    const window = this.opener.window(keys, header.kid)
    if (!window.isFresh(header.counter)) return 'replayed'
    const roots = id.level === 0 ? [null] : this.opener.epochs.rootsOf(from, id.level)
    for (const root of roots) {
      try {
        const plain = await open(await this.opener.key(keys, header.kid, root), data, header, prefix)
        // Another copy may have been opened meanwhile.
        if (!window.isFresh(header.counter)) return 'replayed'
        window.note(header.counter)
        return plain
      } catch {
        // The next root, if there is one.
      }
    }
    // Of a level that not everybody has, the root may be on its way.
    return id.level === 0 ? 'forged' : 'hold'
  }
}

function isFrom(track: Expected, participant: ParticipantId | undefined, { source }: KeyId): boolean {
  return track.participant === participant && track.source === source
}

interface Count extends Expected {
  decrypted: number
  readonly dropped: Record<DropReason, number>
}

interface Held<F> {
  readonly frame: F
  readonly data: Bytes
  readonly mimeType: string | null
  readonly at: number
}

/** How long a frame waits for its key. Longer: what is played lags behind; shorter: more is lost where
 * the word of a new epoch comes after its first frames. */
const HOLD_MS = 500
/** Frames that wait in one section, at the most: a second of sound. */
const MAX_HELD = 64
/** How long frames of the track before may still come. */
const CHANGE_MS = 2_000
/** Tracks that are counted, at the most. */
const MAX_COUNTS = 1_000

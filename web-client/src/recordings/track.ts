// One recorded track as a row of packets that can be begun anywhere. Only what is looked at is
// fetched, opened and kept.

import type { Block, FrameOpener } from './sealed-frames'
import { type Decoding, decodingOf, headOf, type Packet, packetsOf } from './webm'

/** Fetches and opens one segment. */
export type LoadSegment = (segment: number) => Promise<Uint8Array>

/** The packets of one track. */
export class TrackReader {
  private first: Promise<{ readonly head: Uint8Array; readonly bytes: Uint8Array }> | null = null
  /** When segments begin, of those that were looked at. */
  private readonly starts = new Map<number, number>()
  /** The segments used last, latest at the end. */
  private readonly kept = new Map<number, Promise<readonly Block[]>>()

  constructor(
    /** How many segments there are. */
    readonly segments: number,
    private readonly load: LoadSegment,
    /** Opens what the senders encrypted; `null` where they did not. */
    private readonly opener: FrameOpener | null = null,
  ) {}

  /** How it is decoded. */
  async decoding(): Promise<Decoding> {
    const config = this.opener?.config ?? null
    return config === null ? decodingOf((await this.begin()).bytes) : { kind: 'picture', config }
  }

  /**
   * Packets from the last one before `ms` with which decoding can begin, or from the first of all.
   * They come one segment after the other. After one that cannot be opened, those are left out that
   * may need it.
   */
  async *from(ms: number): AsyncGenerator<Packet, void, undefined> {
    if (this.segments === 0) return
    let segment = await this.segmentAt(ms)
    // Each segment need not begin with a key frame.
    while (segment > 0 && !(await this.packets(segment)).some((block) => begins(block, ms))) segment -= 1
    let begun = false
    for (; segment < this.segments; segment += 1) {
      const packets: readonly Block[] = await this.packets(segment)
      const start: number = begun ? 0 : Math.max(packets.findLastIndex((block) => begins(block, ms)), 0)
      for (const { data, ...packet } of packets.slice(start)) {
        begun = data !== null && (begun || packet.isKey)
        if (begun && data !== null) yield { ...packet, data }
      }
    }
  }

  /** The last segment that begins at or before `ms`, else the first. */
  private async segmentAt(ms: number): Promise<number> {
    let low = 0
    let high = this.segments - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      const start = this.starts.get(middle) ?? (await this.packets(middle))[0]?.ms ?? 0
      this.starts.set(middle, start)
      if (start <= ms) low = middle
      else high = middle - 1
    }
    return low
  }

  private packets(segment: number): Promise<readonly Block[]> {
    const packets = this.kept.get(segment) ?? this.read(segment)
    this.kept.delete(segment)
    this.kept.set(segment, packets)
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= MAX_KEPT_SEGMENTS) break
      this.kept.delete(oldest)
    }
    // What failed is tried again the next time.
    packets.catch(() => this.kept.delete(segment))
    return packets
  }

  private async read(segment: number): Promise<readonly Block[]> {
    const { head, bytes } = await this.begin()
    const packets = await (segment === 0 ? packetsOf(new Uint8Array(), bytes) : packetsOf(head, await this.load(segment)))
    return this.opener === null ? packets : this.opener.open(packets)
  }

  private begin() {
    this.first ??= this.load(0).then((bytes) => ({ head: headOf(bytes), bytes }))
    this.first.catch(() => {
      this.first = null
    })
    return this.first
  }
}

/** Whether decoding can begin there, at or before that moment. */
function begins({ isKey, ms, data }: Block, before: number): boolean {
  return isKey && ms <= before && data !== null
}

/** Four seconds, or a mebibyte, each. Lower: looking for a place fetches the same ones again; higher:
 * more memory with each person. */
const MAX_KEPT_SEGMENTS = 4

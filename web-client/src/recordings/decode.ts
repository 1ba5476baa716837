// Packets as pictures and sound, by the browser's own decoders. Whoever stops asking ends them.

import type { TrackReader } from './track'
import type { Packet } from './webm'

/** Sound of one channel, so long as `SOUND_RATE` says, without a gap. */
export interface Sound {
  /** When it begins, since the recording began. */
  readonly ms: number
  readonly samples: Float32Array<ArrayBuffer>
}

/** Thrown where the browser does not play what was recorded. */
export class DecodeError extends Error {}

/** True where this browser has what playing takes. */
export function canDecode(): boolean {
  return 'VideoDecoder' in globalThis && 'AudioDecoder' in globalThis
}

/** Pictures from the one shown at `ms` on. Each has to be closed by whoever took it. */
export async function* picturesFrom(reader: TrackReader, ms: number): AsyncGenerator<VideoFrame, void, undefined> {
  const decoding = await reader.decoding()
  if (decoding.kind !== 'picture') throw new DecodeError('no picture')
  const { supported } = await VideoDecoder.isConfigSupported(decoding.config).catch(() => ({ supported: false }))
  if (supported !== true) throw new DecodeError('no codec')
  const line = new Line<VideoFrame>()
  const decoder = new VideoDecoder(line.callbacks)
  decoder.configure({ ...decoding.config, optimizeForLatency: true })
  decoder.addEventListener('dequeue', line.wake)
  const decode = ({ ms: at, isKey, data }: Packet) => {
    decoder.decode(new EncodedVideoChunk({ type: isKey ? 'key' : 'delta', timestamp: at * 1000, data }))
  }
  yield* decoded(reader.from(ms), decoder, decode, line)
}

/** Sound from `ms` on, in pieces of a fifth of a second or less. */
export async function* soundFrom(reader: TrackReader, ms: number): AsyncGenerator<Sound, void, undefined> {
  const decoding = await reader.decoding()
  if (decoding.kind !== 'sound') throw new DecodeError('no sound')
  const line = new Line<AudioData>()
  const decoder = new AudioDecoder(line.callbacks)
  decoder.configure(decoding.config)
  decoder.addEventListener('dequeue', line.wake)
  const decode = ({ ms: at, data }: Packet) => {
    decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp: at * 1000, data }))
  }
  let piece = new Piece(ms)
  for await (const data of decoded(reader.from(ms), decoder, decode, line)) {
    const at = data.timestamp / 1000
    const samples = oneChannel(data)
    data.close()
    if (!piece.takes(at, samples)) {
      if (!piece.isEmpty) yield piece.sound()
      piece = new Piece(at)
    }
    piece.add(samples)
  }
  if (!piece.isEmpty) yield piece.sound()
}

/** Feeds a decoder no faster than what comes out is taken. */
async function* decoded<T extends { close(): void }>(
  packets: AsyncGenerator<Packet, void, undefined>,
  decoder: VideoDecoder | AudioDecoder,
  decode: (packet: Packet) => void,
  line: Line<T>,
): AsyncGenerator<T, void, undefined> {
  try {
    for await (const packet of packets) {
      decode(packet)
      for (let next = line.take(); next !== undefined; next = line.take()) yield next
      while (decoder.decodeQueueSize > MAX_QUEUED && line.isEmpty) await line.change()
    }
    await decoder.flush()
    for (let next = line.take(); next !== undefined; next = line.take()) yield next
  } catch (cause) {
    throw line.failed ? new DecodeError('undecodable', { cause }) : cause
  } finally {
    if (decoder.state !== 'closed') decoder.close()
    line.end()
  }
}

/** What a decoder gave and nobody took yet. */
class Line<T extends { close(): void }> {
  failed = false
  private readonly waiting: T[] = []
  private fault: DOMException | null = null
  private changed: (() => void) | null = null

  readonly callbacks = {
    output: (next: T): void => {
      this.waiting.push(next)
      this.wake()
    },
    error: (fault: DOMException): void => {
      this.failed = true
      this.fault = fault
      this.wake()
    },
  }

  readonly wake = (): void => {
    this.changed?.()
    this.changed = null
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0 && this.fault === null
  }

  take(): T | undefined {
    if (this.fault !== null) throw this.fault
    return this.waiting.shift()
  }

  change(): Promise<void> {
    return new Promise((resolve) => {
      this.changed = resolve
    })
  }

  end(): void {
    for (const one of this.waiting.splice(0)) one.close()
  }
}

/** Sound put together. */
class Piece {
  private readonly parts: Float32Array[] = []
  private length = 0

  constructor(private readonly ms: number) {}

  get isEmpty(): boolean {
    return this.length === 0
  }

  /** False for what does not follow, or would make it too long. */
  takes(at: number, samples: Float32Array): boolean {
    const end = this.ms + (this.length / SOUND_RATE) * 1000
    return Math.abs(at - end) <= SEAM_MS && this.length + samples.length <= PIECE_SAMPLES
  }

  add(samples: Float32Array): void {
    this.parts.push(samples)
    this.length += samples.length
  }

  sound(): Sound {
    const samples = new Float32Array(this.length)
    let at = 0
    for (const part of this.parts) {
      samples.set(part, at)
      at += part.length
    }
    return { ms: this.ms, samples }
  }
}

function oneChannel(data: AudioData): Float32Array {
  const mixed = new Float32Array(data.numberOfFrames)
  const plane = new Float32Array(data.numberOfFrames)
  for (let channel = 0; channel < data.numberOfChannels; channel += 1) {
    data.copyTo(plane, { planeIndex: channel, format: 'f32-planar' })
    for (let i = 0; i < mixed.length; i += 1) mixed[i] = (mixed[i] ?? 0) + (plane[i] ?? 0) / data.numberOfChannels
  }
  return mixed
}

/** Opus always decodes to this many samples a second. */
export const SOUND_RATE = 48_000
/** Lower: more pieces to place; higher: a pause is heard later. */
const PIECE_SAMPLES = SOUND_RATE / 5
/** Times are whole milliseconds, so what follows may seem to come a little early or late. */
const SEAM_MS = 15
/** Packets in a decoder. Lower: it waits for us; higher: more memory. */
const MAX_QUEUED = 8

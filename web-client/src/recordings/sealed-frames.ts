// Frames of an encrypted room, opened with the keys that their senders handed to those who have access.
// Of whom there is no key, there is no frame.

import { type Bytes, concat } from '../e2ee/bytes'
import { clearPrefix } from '../e2ee/codec'
import type { Release, ReleasedKey } from '../e2ee/release'
import { decodeHeader, decodeKeyId, FrameKey, open } from '../e2ee/sframe'
import type { RecordedSource } from './opened'
import type { Packet } from './webm'

/** How the frames of a track were encrypted by whoever sent them. */
export interface Sealing {
  readonly codec: RecordedCodec
  readonly source: RecordedSource
  /** Whole frames, sent as they are. */
  readonly raw: boolean
}

/** As the manifest calls it. */
export type RecordedCodec = keyof typeof CODECS

/** True for a codec that recordings are made in. */
export function isRecordedCodec(codec: unknown): codec is RecordedCodec {
  return typeof codec === 'string' && Object.hasOwn(CODECS, codec)
}

/** A packet of a track. */
export interface Block extends Omit<Packet, 'data'> {
  /** `null` where it cannot be opened. */
  readonly data: Uint8Array | null
}

/** The keys that one person released. */
export class Keyring {
  /** Those of a key id, which comes again after 256 epochs: what opened a frame last stands first. */
  private readonly keys = new Map<number, Candidate[]>()

  constructor(releases: readonly Release[]) {
    for (const released of releases.flatMap(({ keys }) => keys)) {
      const known = this.keys.get(released.kid) ?? []
      const isNew = known.every(({ material }) => !isSameKey(material, released))
      if (isNew) this.keys.set(released.kid, [...known, { material: released, key: null }])
    }
  }

  /** The frame in clear; `null` where no key opens it. */
  async open(data: Uint8Array, { codec, source, raw }: Sealing): Promise<Uint8Array | null> {
    const prefix = clearPrefix(CODECS[codec].mimeType, raw, data)
    const header = prefix === null ? null : decodeHeader(data, prefix)
    if (prefix === null || header === null || decodeKeyId(header.kid)?.source !== source) return null
    const candidates = this.keys.get(header.kid) ?? []
    for (const candidate of candidates) {
      try {
        candidate.key ??= FrameKey.of(candidate.material, 'decrypt')
        const opened = await open(await candidate.key, data as Bytes, header, prefix)
        if (candidate !== candidates[0]) candidates.unshift(...candidates.splice(candidates.indexOf(candidate), 1))
        return opened
      } catch {
        // Of another time.
      }
    }
    return null
  }
}

/** Opens the packets of one track. */
export class FrameOpener {
  constructor(
    private readonly keyring: () => Promise<Keyring>,
    private readonly sealing: Sealing,
  ) {}

  /** How the opened pictures are decoded, which nothing outside of them says; `null` of sound. */
  get config(): VideoDecoderConfig | null {
    const { decoder } = CODECS[this.sealing.codec]
    return decoder === null ? null : { codec: decoder }
  }

  /** All of them, opened. Layers of one picture, which were sealed one by one, are one packet again. */
  async open(packets: readonly Packet[]): Promise<readonly Block[]> {
    const keyring = await this.keyring()
    const { codec } = this.sealing
    const pictures: { ms: number; isKey: boolean; layers: (Uint8Array | null)[] }[] = []
    for (const { ms, isKey, data } of packets) {
      const layer = await keyring.open(data, this.sealing)
      const last = pictures.at(-1)
      if (CODECS[codec].layered && last?.ms === ms) last.layers.push(layer)
      else pictures.push({ ms, isKey, layers: [layer] })
    }
    return pictures.map(({ ms, isKey, layers }) => ({ ms, isKey, data: joined(layers, codec) }))
  }
}

interface Candidate {
  readonly material: ReleasedKey
  key: Promise<FrameKey> | null
}

function isSameKey(a: ReleasedKey, b: ReleasedKey): boolean {
  return [...a.key, ...a.salt].join() === [...b.key, ...b.salt].join()
}

/** Layers of one picture as one frame, those of VP9 with an index behind them (VP9 bitstream, annex B);
 * `null` where one is missing. */
function joined(layers: readonly (Uint8Array | null)[], codec: RecordedCodec): Uint8Array | null {
  const frames = layers.filter((layer) => layer !== null)
  const [first = null] = frames
  if (frames.length !== layers.length || frames.length > MAX_LAYERS) return null
  if (frames.length === 1) return first
  const sizes = frames.flatMap(({ length }) => [length & 255, (length >> 8) & 255, (length >> 16) & 255, length >>> 24])
  const marker = 0xc0 | (3 << 3) | (frames.length - 1)
  return concat(...frames, ...(codec === 'vp9' ? [Uint8Array.from([marker, ...sizes, marker])] : []))
}

/** What the encryption has to know of a codec, and what decoders want to hear: the highest level, since
 * the file's head could not read the frames. */
const CODECS = {
  opus: { mimeType: 'audio/opus', decoder: null, layered: false },
  vp8: { mimeType: 'video/vp8', decoder: 'vp8', layered: false },
  vp9: { mimeType: 'video/vp9', decoder: 'vp09.00.51.08', layered: true },
  av1: { mimeType: 'video/av1', decoder: 'av01.0.13M.08', layered: true },
  h264: { mimeType: 'video/h264', decoder: 'avc1.42e034', layered: false },
} as const
/** That an index can tell of. */
const MAX_LAYERS = 8

// Recorded files as packets. A track is one WebM cut into segments, each of whole clusters; the
// first one begins with the head that all of them need.

import { BufferSource, EncodedPacketSink, Input, MATROSKA, WEBM } from 'mediabunny'

/** One encoded picture or slice of sound. */
export interface Packet {
  /** Since the recording began. */
  readonly ms: number
  readonly isKey: boolean
  readonly data: Uint8Array
}

/** What a decoder has to know of a track. */
export type Decoding =
  | { readonly kind: 'picture'; readonly config: VideoDecoderConfig }
  | { readonly kind: 'sound'; readonly config: AudioDecoderConfig }

/** Thrown for what is no WebM of ours. */
export class WebmError extends Error {}

/** What stands before the first cluster. */
export function headOf(first: Uint8Array): Uint8Array {
  let at = 0
  for (let elements = 0; elements < MAX_HEAD_ELEMENTS; elements += 1) {
    const { id, content, size } = elementAt(first, at)
    if (id === CLUSTER) return first.subarray(0, at)
    // The segment holds all that follows, so one goes into it.
    at = id === SEGMENT ? content : content + size
  }
  throw new WebmError('no cluster')
}

/** The packets of one segment, in the order in which they are decoded. */
export async function packetsOf(head: Uint8Array, segment: Uint8Array): Promise<readonly Packet[]> {
  return read(joined(head, segment), async (track) => {
    const packets: Packet[] = []
    for await (const packet of new EncodedPacketSink(track).packets()) {
      packets.push({ ms: Math.round(packet.timestamp * 1000), isKey: packet.type === 'key', data: packet.data })
    }
    return packets
  })
}

/** How the packets of a track are decoded; `first` is its first segment. */
export async function decodingOf(first: Uint8Array): Promise<Decoding> {
  return read(joined(first, new Uint8Array()), async (track) => {
    if (track.isVideoTrack()) {
      const config = await track.getDecoderConfig()
      if (config !== null) return { kind: 'picture', config }
    } else if (track.isAudioTrack()) {
      const config = await track.getDecoderConfig()
      if (config !== null) return { kind: 'sound', config }
    }
    throw new WebmError('no track')
  })
}

type Track = Awaited<ReturnType<Input['getTracks']>>[number]

async function read<T>(bytes: Uint8Array<ArrayBuffer>, use: (track: Track) => Promise<T>): Promise<T> {
  const input = new Input({ source: new BufferSource(bytes), formats: [WEBM, MATROSKA] })
  try {
    const [track] = await input.getTracks()
    if (track === undefined) throw new WebmError('no track')
    return await use(track)
  } catch (cause) {
    throw cause instanceof WebmError ? cause : new WebmError('unreadable', { cause })
  } finally {
    input.dispose()
  }
}

function joined(head: Uint8Array, segment: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(head.length + segment.length)
  whole.set(head)
  whole.set(segment, head.length)
  return whole
}

/** An element of EBML (RFC 8794, section 4) at this place. */
function elementAt(bytes: Uint8Array, at: number): { id: number; content: number; size: number } {
  const idLength = lengthOf(bytes[at], 4)
  const sizeAt = at + idLength
  const sizeLength = lengthOf(bytes[sizeAt], 8)
  let id = 0
  for (let i = at; i < sizeAt; i += 1) id = id * 256 + (bytes[i] ?? 0)
  let size = (bytes[sizeAt] ?? 0) & (0xff >> sizeLength)
  for (let i = sizeAt + 1; i < sizeAt + sizeLength; i += 1) size = size * 256 + (bytes[i] ?? 0)
  return { id, content: sizeAt + sizeLength, size }
}

/** Bytes of a number whose first byte says how long it is. */
function lengthOf(first: number | undefined, most: number): number {
  const length = Math.clz32(first ?? 0) - 23
  if (first === undefined || length > most) throw new WebmError('no element')
  return length
}

const SEGMENT = 0x18538067
const CLUSTER = 0x1f43b675
/** Ours has four. */
const MAX_HEAD_ELEMENTS = 16

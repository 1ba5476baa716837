// How a camera sends several sizes at once, and which of them when few are watched: as encodings of
// their own (simulcast), or as layers of one encoding (SVC).

import { DEPENDENCY } from './sdp'

/** One encoding of a sender, with what TypeScript does not know of it. */
export type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string; codec?: RTCRtpCodec }

/** The sizes of a camera, best first: browsers leave the last out when the picture is too small for
 * all. Three temporal layers let the server halve the frame rate where a path is narrow. */
export const CAMERA: readonly Encoding[] = [
  { rid: 'h', maxBitrate: 900_000, scalabilityMode: 'L1T3' },
  { rid: 'm', scaleResolutionDownBy: 2, maxBitrate: 300_000, scalabilityMode: 'L1T3' },
  { rid: 'l', scaleResolutionDownBy: 4, maxBitrate: 100_000, scalabilityMode: 'L1T3' },
]

/** The encodings of now with only these sizes sent; the same array when nothing changes. In layers
 * everything goes through the first encoding, with as many layers as the best size needs. */
export function withSizes(encodings: readonly Encoding[], rids: readonly string[], layered: boolean): readonly Encoding[] {
  const best = encodings.findIndex(({ rid }) => rids.includes(rid ?? ''))
  const next = encodings.map((encoding, at): Encoding => {
    const alone = CAMERA[at]
    if (encoding.rid === undefined || alone?.rid !== encoding.rid) return { ...encoding, active: rids.includes(encoding.rid ?? '') }
    if (!layered) return { ...encoding, ...alone, scaleResolutionDownBy: alone.scaleResolutionDownBy ?? 1, active: rids.includes(encoding.rid) }
    const top = CAMERA[Math.max(best, 0)] ?? alone
    const spatial = encodings.length - Math.max(best, 0)
    return at > 0
      ? { ...encoding, active: false }
      : {
          ...encoding,
          active: best >= 0,
          maxBitrate: top.maxBitrate ?? 0,
          scaleResolutionDownBy: top.scaleResolutionDownBy ?? 1,
          scalabilityMode: spatial > 1 ? `L${spatial}T3_KEY` : 'L1T3',
        }
  })
  return next.every((encoding, at) => isSame(encoding, encodings[at])) ? encodings : next
}

/** The encodings in this codec, or in the first that was negotiated; the same array when nothing changes. */
export function withCodec(encodings: readonly Encoding[], codec: RTCRtpCodec | null): readonly Encoding[] {
  if (encodings.every((encoding) => encoding.codec?.mimeType === codec?.mimeType)) return encodings
  return encodings.map((encoding) => {
    const next = { ...encoding }
    if (codec === null) delete next.codec
    else next.codec = codec
    return next
  })
}

/** Lets packets of this section say which frame they belong to, where the browser can. */
export function describeDependencies(transceiver: RTCRtpTransceiver): void {
  const extended = transceiver as RTCRtpTransceiver & Partial<HeaderExtensions>
  const extensions = extended.getHeaderExtensionsToNegotiate?.()
  const found = extensions?.find(({ uri }) => uri === DEPENDENCY)
  if (extensions === undefined || found === undefined) return
  found.direction = 'sendrecv'
  extended.setHeaderExtensionsToNegotiate?.(extensions)
}

/** WebRTC extensions, section 5: not in every browser, and not known to TypeScript. */
interface HeaderExtensions {
  getHeaderExtensionsToNegotiate(): { uri: string; direction: RTCRtpTransceiverDirection }[]
  setHeaderExtensionsToNegotiate(extensions: { uri: string; direction: RTCRtpTransceiverDirection }[]): void
}

function isSame(one: Encoding, other: Encoding | undefined): boolean {
  if (other === undefined || one.active !== (other.active ?? true)) return false
  // Browsers that know nothing of layers never gave the mode back.
  return (
    one.maxBitrate === other.maxBitrate &&
    (one.scaleResolutionDownBy ?? 1) === (other.scaleResolutionDownBy ?? 1) &&
    (other.scalabilityMode === undefined || one.scalabilityMode === other.scalabilityMode)
  )
}

// Which codecs this page offers: those the server speaks, one profile of each, with
// retransmission. More would only make the offer longer.

/** What happens to frames between encoder and network: nothing, encryption behind what packets must
 * show, or encryption of everything. */
export type FrameMode = 'clear' | 'plain' | 'raw'

/** The codecs to offer among those a browser has, in the browser's order. */
export function codecsOf(capabilities: RTCRtpCapabilities | null, mode: FrameMode = 'clear'): RTCRtpCodec[] {
  return (capabilities?.codecs ?? []).filter(({ mimeType, sdpFmtpLine = '' }) => {
    // Redundant sound holds several frames in one, which nobody but its receivers could take apart.
    if (mode !== 'clear' && mimeType.toLowerCase() === 'audio/red') return false
    if (mode === 'plain' && !PLAIN.has(mimeType.toLowerCase())) return false
    const parameters = new Map(sdpFmtpLine.split(';').map((pair) => pair.trim().split('=') as [string, string | undefined]))
    switch (mimeType.toLowerCase()) {
      case 'audio/opus':
      case 'audio/red':
      case 'video/vp8':
      case 'video/rtx':
        return true
      case 'video/vp9':
        return (parameters.get('profile-id') ?? '0') === '0'
      case 'video/av1':
        return (parameters.get('profile') ?? '0') === '0'
      case 'video/h264':
        // Constrained baseline: what every browser that has H264 can decode.
        return (
          parameters.get('packetization-mode') === '1' &&
          /^42e0/i.test(parameters.get('profile-level-id') ?? '')
        )
      default:
        return false
    }
  })
}

/** Codecs whose encrypted frames ordinary packets carry; see e2ee/codec.ts. */
const PLAIN: ReadonlySet<string> = new Set(['audio/opus', 'video/vp8', 'video/vp9', 'video/rtx'])

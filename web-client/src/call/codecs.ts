// Which codecs this page offers: those the server speaks, one profile of each, with
// retransmission. More would only make the offer longer.

/** The codecs to offer among those a browser has, in the browser's order. */
export function codecsOf(capabilities: RTCRtpCapabilities | null): RTCRtpCodec[] {
  return (capabilities?.codecs ?? []).filter(({ mimeType, sdpFmtpLine = '' }) => {
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

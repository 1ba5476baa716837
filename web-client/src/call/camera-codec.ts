// Which codec the camera of an encrypted room is sent in: VP8, whose packets show the first bytes of a
// frame, or VP9, of which nothing is seen, where this machine encodes it with ease.

/** True where this machine encodes VP9 without losing frames and without heating up. */
export async function affordsVp9(capabilities: Pick<MediaCapabilities, 'encodingInfo'> | undefined): Promise<boolean> {
  try {
    const info = await capabilities?.encodingInfo({
      type: 'webrtc',
      video: { contentType: 'video/VP9', width: 1280, height: 720, bitrate: 1_300_000, framerate: 30 },
    })
    return info?.supported === true && info.smooth && info.powerEfficient
  } catch {
    // An older browser, which knows this question of files only.
    return false
  }
}

/** Notices an encoder that is too slow for this machine: the browser says so for some seconds. */
export class EncoderWatch {
  private slow = 0

  /** Takes what the browser counts of what is sent; true when it has been too slow for long enough. */
  look(report: Iterable<readonly [string, Readonly<Record<string, unknown>>]>): boolean {
    const entries = [...report].map(([, entry]) => entry)
    const isSlow = entries.some((entry) => entry['type'] === 'outbound-rtp' && entry['qualityLimitationReason'] === 'cpu')
    this.slow = isSlow ? this.slow + 1 : 0
    return this.slow >= SLOW_LOOKS
  }
}

/** How often an encoder is looked at. */
export const ENCODER_LOOK_MS = 2_000
/** Lower: a short load of the machine costs the better codec. Higher: the picture stutters for longer. */
const SLOW_LOOKS = 3

// How much of a frame stays in clear, by its codec and the mode of the room.

/**
 * Bytes at the front of a frame that are not encrypted; `null` where no frame of this codec may go out
 * or come in. Mode raw, sound and VP9 need none. The ordinary VP8 packetizer reads the frame's header
 * (RFC 6386, 9.1), and a receiver's jitter buffer the size of the picture in a key frame: those bytes
 * say nothing of what is seen. They are authenticated.
 */
export function clearPrefix(mimeType: string, raw: boolean, frame: Uint8Array): number | null {
  const codec = mimeType.toLowerCase()
  if (codec.startsWith('audio/')) return codec === 'audio/opus' || codec === 'audio/red' ? 0 : null
  if (raw) return codec.startsWith('video/') ? 0 : null
  switch (codec) {
    case 'video/vp9':
      return 0
    case 'video/vp8': {
      const [first] = frame
      if (first === undefined) return null
      const prefix = (first & 0x01) === 0 ? VP8_KEY_FRAME_BYTES : VP8_DELTA_BYTES
      return frame.length < prefix ? null : prefix
    }
    default:
      return null
  }
}

/** Frame tag, start code and size. */
const VP8_KEY_FRAME_BYTES = 10
/** Frame tag. */
const VP8_DELTA_BYTES = 3

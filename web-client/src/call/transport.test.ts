import { describe, expect, it, vi } from 'vitest'
import type { FrameMode } from './codecs'
import { MediaTransport, type TransportEvents } from './transport'

describe('a transport', () => {
  it('makes no connection in an encrypted room without what encrypts', () => {
    const made = vi.fn(function () {
      throw new RangeError('made')
    })
    vi.stubGlobal('RTCPeerConnection', made)
    const start = (mode: FrameMode) => {
      const events: Partial<TransportEvents> = { frameMode: () => mode, frames: () => null, handleMedia: () => undefined }
      new MediaTransport(events as TransportEvents).start()
    }
    expect(() => { start('plain') }).toThrow(TypeError)
    expect(() => { start('raw') }).toThrow(TypeError)
    expect(made).not.toHaveBeenCalled()
    expect(() => { start('clear') }).toThrow(RangeError)
    vi.unstubAllGlobals()
  })
})

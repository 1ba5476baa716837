import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Backdrop, MaskingState } from './masking/messages'
import { type Mask, OwnDevices } from './own-devices'

class Track extends EventTarget {
  enabled = true
  readyState = 'live'
  constructor(readonly kind: 'audio' | 'video') {
    super()
  }
  getSettings(): object {
    return { deviceId: `${this.kind}-1` }
  }
  stop(): void {
    this.readyState = 'ended'
  }
}

class Stream {
  constructor(readonly tracks: Track[]) {}
  getVideoTracks = (): Track[] => this.tracks.filter(({ kind }) => kind === 'video')
  getAudioTracks = (): Track[] => this.tracks.filter(({ kind }) => kind === 'audio')
}

/** A mask that is made when the test says so. */
interface Made extends Mask {
  readonly camera: MediaStreamTrack
  readonly shown: Backdrop[]
  readonly stopped: boolean
  tell(state: MaskingState): void
}

let made: Made[]
let release: ((broken?: Error) => void)[]
let sent: (MediaStreamTrack | undefined)[]
let wished: string[]
let own: OwnDevices

beforeEach(() => {
  vi.stubGlobal('MediaStream', Stream)
  vi.stubGlobal('navigator', {
    mediaDevices: { addEventListener: vi.fn(), enumerateDevices: () => Promise.resolve([]) },
  })
  made = []
  release = []
  sent = []
  wished = []
  own = new OwnDevices(
    {
      handlePicture: () => {
        sent.push(own.picture.value?.getVideoTracks()[0])
      },
      handleWish: (kind) => {
        wished.push(kind)
      },
    },
    (camera, backdrop, tell) =>
      new Promise((resolve, reject) => {
        release.push((broken) => {
          if (broken !== undefined) {
            reject(broken)
            return
          }
          const mask = {
            camera,
            shown: [backdrop()],
            stopped: false,
            tell,
            track: new Track('video') as unknown as MediaStreamTrack,
            show: (next: Backdrop) => {
              mask.shown.push(next)
            },
            stop: () => {
              mask.stopped = true
            },
          }
          made.push(mask)
          resolve(mask)
        })
      }),
  )
})

afterEach(() => {
  vi.unstubAllGlobals()
})

/** Opens a camera; `go` lets the mask that is being made come, or fail. */
const camera = (): Track => {
  const track = new Track('video')
  own.attach(new Stream([track]) as unknown as MediaStream)
  return track
}
const go = async (broken?: Error): Promise<void> => {
  release.shift()?.(broken)
  await new Promise((done) => {
    setTimeout(done)
  })
}
const seen = (): unknown => own.picture.value?.getVideoTracks()[0]

describe('a camera', () => {
  it('is seen as it is unless the person wants it hidden', () => {
    const track = camera()
    expect([seen(), track.enabled, own.masking.value]).toEqual([track, true, 'off'])
    expect(release).toHaveLength(0)
  })

  it('gives nothing from the click that hides the room until the mask is there', async () => {
    const track = camera()
    own.setBackground('blur')
    expect([track.enabled, own.masking.value]).toEqual([false, 'starting'])
    await go()
    // Black, rather than the last sharp picture standing still.
    expect([seen(), track.enabled]).toEqual([track, false])
    made[0]?.tell('starting')
    expect([seen(), track.enabled]).toEqual([made[0]?.track, false])
    made[0]?.tell('on')
    expect(own.masking.value).toBe('on')
    expect(sent).toEqual([track, made[0]?.track])
  })

  it('opened after the choice is never seen as it is', async () => {
    own.setBackground('blur')
    const track = camera()
    expect(track.enabled).toBe(false)
    await go()
    made[0]?.tell('on')
    expect([seen(), track.enabled]).toEqual([made[0]?.track, false])
  })

  it.each(['too_slow', 'failed'] as const)('whose mask is %s stays hidden until the person says otherwise', async (state) => {
    const track = camera()
    own.setBackground('blur')
    await go()
    made[0]?.tell('on')
    made[0]?.tell(state)
    expect([own.masking.value, track.enabled, seen()]).toEqual([state, false, made[0]?.track])
    own.setBackground('none')
    expect([own.masking.value, track.enabled, seen(), made[0]?.stopped]).toEqual(['off', true, track, true])
  })

  it('whose mask cannot be fetched gives nothing, and can be tried again', async () => {
    const track = camera()
    own.setBackground('blur')
    await go(new Error('no network'))
    expect([own.masking.value, track.enabled]).toEqual(['failed', false])
    own.setBackground('blur')
    expect(own.masking.value).toBe('starting')
    await go()
    made[0]?.tell('failed')
    expect([own.masking.value, seen(), track.enabled]).toEqual(['failed', track, false])
  })

  it('tries again where it was too slow, with the same mask', async () => {
    camera()
    own.setBackground('blur')
    await go()
    made[0]?.tell('too_slow')
    own.setBackground('blur')
    own.setBackground('yard')
    expect(made[0]?.shown).toEqual(['blur', 'blur', 'yard'])
    expect(made).toHaveLength(1)
  })

  it('shown again while the mask was on its way stays shown, and the mask ends', async () => {
    const track = camera()
    own.setBackground('blur')
    own.setBackground('none')
    await go()
    expect([seen(), track.enabled, made[0]?.stopped]).toEqual([track, true, true])
    made[0]?.tell('on')
    expect(own.masking.value).toBe('off')
  })

  it('that is released ends its mask, also one on its way', async () => {
    camera()
    own.setBackground('blur')
    await go()
    own.detach('camera')
    expect([made[0]?.stopped, own.picture.value]).toEqual([true, null])
    camera()
    own.detach('camera')
    await go()
    expect(made[1]?.stopped).toBe(true)
    expect(own.picture.value).toBeNull()
  })
})

describe('choices', () => {
  it('of a device ask for it once', () => {
    camera()
    expect(own.chosen.value.camera).toBe('video-1')
    own.choose('camera', 'video-1')
    expect(wished).toEqual([])
    own.choose('camera', 'video-2')
    expect(wished).toEqual(['camera'])
    expect(own.wishes.camera).toBe('video-2')
  })

  it('of what is filtered count for the next microphone while none is open', () => {
    own.setNoiseSuppression(false)
    expect(own.wishes.noiseSuppression).toBe(false)
    expect(wished).toEqual([])
  })
})

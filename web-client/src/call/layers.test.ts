import { describe, expect, it } from 'vitest'
import { CAMERA, type Encoding, withCodec, withSizes } from './layers'

const ALL = ['h', 'm', 'l']
/** As a browser gives them back. */
const now = (): Encoding[] => CAMERA.map((encoding) => ({ active: true, scaleResolutionDownBy: 1, ...encoding }))

describe('sizes as encodings of their own', () => {
  it('change nothing when all are wanted', () => {
    const encodings = now()
    expect(withSizes(encodings, ALL, false)).toBe(encodings)
  })

  it('are turned off one by one', () => {
    const active = withSizes(now(), ['l'], false).map((one) => one.active)
    expect(active).toEqual([false, false, true])
  })

  it('may be one without a name', () => {
    const screen = [{ active: true, maxBitrate: 1 }]
    expect(withSizes(screen, [''], false)).toBe(screen)
    expect(withSizes(screen, [], false)).toEqual([{ active: false, maxBitrate: 1 }])
  })

  it('are as before after layers', () => {
    expect(withSizes(withSizes(now(), ['m'], true), ALL, false)).toEqual(now())
  })

  it('are not changed for a browser that keeps no mode', () => {
    const encodings = now()
    for (const encoding of encodings) delete encoding.scalabilityMode
    expect(withSizes(encodings, ALL, false)).toBe(encodings)
  })
})

describe('sizes as layers of one encoding', () => {
  const first = (rids: string[]) => {
    const [one, ...others] = withSizes(now(), rids, true)
    expect(others.every(({ active }) => active === false)).toBe(true)
    return [one?.active, one?.scalabilityMode, one?.scaleResolutionDownBy]
  }

  it('are as many as the best that is watched needs', () => {
    expect(first(ALL)).toEqual([true, 'L3T3_KEY', 1])
    expect(first(['m', 'l'])).toEqual([true, 'L2T3_KEY', 2])
    expect(first(['l'])).toEqual([true, 'L1T3', 4])
  })

  it('are none when nobody watches', () => {
    expect(first([])[0]).toBe(false)
  })

  it('are in one codec, which can be taken back', () => {
    const VP9 = { mimeType: 'video/VP9', clockRate: 90_000, sdpFmtpLine: 'profile-id=0' }
    const encodings = withCodec(now(), VP9)
    expect(encodings.map(({ codec }) => codec)).toEqual([VP9, VP9, VP9])
    expect(withCodec(encodings, VP9)).toBe(encodings)
    expect(withCodec(encodings, null)).toEqual(now())
  })

  it('are left alone when they are as wanted', () => {
    const encodings = withSizes(now(), ['m'], true)
    expect(withSizes(encodings, ['m'], true)).toBe(encodings)
  })
})

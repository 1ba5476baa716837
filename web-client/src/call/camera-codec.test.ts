import { describe, expect, it } from 'vitest'
import { affordsVp9, EncoderWatch } from './camera-codec'

const machine = (info: Partial<MediaCapabilitiesInfo> | Error) => ({
  encodingInfo: () => (info instanceof Error ? Promise.reject(info) : Promise.resolve({ supported: true, smooth: true, powerEfficient: true, ...info } as never)),
})

describe('the better codec of a camera', () => {
  it('is for machines that encode it with ease', async () => {
    expect(await affordsVp9(machine({}))).toBe(true)
    for (const lack of [{ supported: false }, { smooth: false }, { powerEfficient: false }, new TypeError('no such type')]) {
      expect(await affordsVp9(machine(lack))).toBe(false)
    }
    expect(await affordsVp9(undefined)).toBe(false)
  })

  it('is given up when the browser says for some seconds that it is too slow', () => {
    const watch = new EncoderWatch()
    const report = (reason: string) => [['a', { type: 'outbound-rtp', qualityLimitationReason: reason }]] as const
    const looks = ['cpu', 'cpu', 'none', 'cpu', 'bandwidth', 'cpu', 'cpu', 'cpu'].map((reason) => watch.look(report(reason)))
    expect(looks).toEqual([false, false, false, false, false, false, false, true])
  })
})

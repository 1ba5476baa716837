import { describe, expect, it } from 'vitest'
import { trackOf } from './samples'
import { TrackReader } from './track'
import { decodingOf, headOf, packetsOf, WebmError } from './webm'

describe('a recorded track', () => {
  // Pictures each 500 ms from the start, none from 8 s to 20 s, a key frame every 2 s.
  const times = [...Array.from({ length: 16 }, (_, i) => i * 500), ...Array.from({ length: 8 }, (_, i) => 20_000 + i * 500)]
  const segments = trackOf('V_VP8', times, (ms) => ms % 2_000 === 0, 3)

  it('gives its packets, with their times and key frames', async () => {
    const head = headOf(segments[0] ?? new Uint8Array())
    expect(await packetsOf(new Uint8Array(), segments[0] ?? head)).toMatchObject([
      { ms: 0, isKey: true },
      { ms: 500, isKey: false },
      { ms: 1_000, isKey: false },
    ])
    expect(await packetsOf(head, segments[1] ?? head)).toMatchObject([
      { ms: 1_500, isKey: false },
      { ms: 2_000, isKey: true },
      { ms: 2_500, isKey: false },
    ])
  })

  it('says how it is decoded', async () => {
    expect(await decodingOf(segments[0] ?? new Uint8Array())).toMatchObject({ kind: 'picture', config: { codec: 'vp8', codedWidth: 640 } })
    const [voice = new Uint8Array()] = trackOf('A_OPUS', [0, 20, 40], () => true, 3)
    expect(await decodingOf(voice)).toMatchObject({ kind: 'sound', config: { codec: 'opus', sampleRate: 48_000 } })
  })

  it('can be begun anywhere, at the key frame before, without fetching all of it', async () => {
    for (const [at, first] of [[0, 0], [1_900, 0], [2_000, 2_000], [7_900, 6_000], [15_000, 6_000], [20_100, 20_000], [99_000, 22_000]] as const) {
      const fetched = new Set<number>()
      const reader = new TrackReader(segments.length, (segment) => {
        fetched.add(segment)
        return Promise.resolve(segments[segment] ?? new Uint8Array())
      })
      const seen: number[] = []
      for await (const { ms } of reader.from(at)) {
        seen.push(ms)
        if (seen.length === 3) break
      }
      expect(seen, String(at)).toEqual(times.filter((ms) => ms >= first).slice(0, 3))
      expect(fetched.size, String(at)).toBeLessThan(segments.length)
    }
  })

  it('that begins without a key frame is begun at its first one', async () => {
    const cut = trackOf('V_VP8', [0, 500, 1_000, 1_500], (ms) => ms === 1_000, 2)
    const reader = new TrackReader(cut.length, (segment) => Promise.resolve(cut[segment] ?? new Uint8Array()))
    const seen: number[] = []
    for await (const { ms } of reader.from(0)) seen.push(ms)
    expect(seen).toEqual([1_000, 1_500])
  })

  it('is refused when it is none', async () => {
    for (const bytes of [new Uint8Array(), new Uint8Array(64), new Uint8Array(64).fill(255), new TextEncoder().encode('<html></html>')]) {
      expect(() => headOf(bytes)).toThrow(WebmError)
      await expect(decodingOf(bytes)).rejects.toThrow(WebmError)
    }
  })
})

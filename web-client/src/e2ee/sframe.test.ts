import { describe, expect, it } from 'vitest'
import { type Bytes, concat } from './bytes'
import {
  decodeHeader,
  decodeKeyId,
  encodeHeader,
  encodeKeyId,
  epochsAfter,
  FrameKey,
  type Level,
  narrowBaseKey,
  open,
  REPLAY_WINDOW,
  ReplayWindow,
  seal,
  type Source,
  TAG_BYTES,
} from './sframe'

const hex = (text: string): Bytes => Uint8Array.from(Buffer.from(text, 'hex'))

describe('the header of RFC 9605, C.1', () => {
  // Those of the RFC's vectors whose numbers are below 2^48.
  const NUMBERS: readonly (readonly [number, string])[] = [
    [0, ''], [1, ''], [255, 'ff'], [256, '0100'], [65_535, 'ffff'], [65_536, '010000'], [16_777_215, 'ffffff'],
    [16_777_216, '01000000'], [4_294_967_295, 'ffffffff'], [4_294_967_296, '0100000000'],
    [1_099_511_627_775, 'ffffffffff'], [1_099_511_627_776, '010000000000'], [281_474_976_710_655, 'ffffffffffff'],
  ]
  const half = (value: number, bytes: string): number => (bytes === '' ? value : 8 | (bytes.length / 2 - 1))

  it('is written and read alike', () => {
    for (const [kid, kidBytes] of NUMBERS) {
      for (const [counter, counterBytes] of NUMBERS) {
        const config = ((half(kid, kidBytes) << 4) | half(counter, counterBytes)).toString(16).padStart(2, '0')
        const encoded = hex(config + kidBytes + counterBytes)
        expect(encodeHeader(kid, counter)).toEqual(encoded)
        expect(decodeHeader(encoded)).toEqual({ kid, counter, length: encoded.length })
        for (let end = 0; end < encoded.length; end += 1) expect(decodeHeader(encoded.subarray(0, end))).toBeNull()
      }
    }
  })

  it('has the bytes of the vectors', () => {
    const vectors = [
      [0, 0, '00'], [0, 255, '08ff'], [1, 65_536, '1a010000'], [255, 0, '80ff'], [256, 1, '910100'],
      [65_535, 16_777_215, '9affffffffff'], [65_536, 256, 'a90100000100'], [16_777_215, 65_535, 'a9ffffffffff'],
    ] as const
    for (const [kid, counter, encoded] of vectors) expect(encodeHeader(kid, counter)).toEqual(hex(encoded))
  })

  it('is none of ours beyond 2^48', () => {
    expect(decodeHeader(hex('0e01000000000000'))).toBeNull()
    expect(decodeHeader(hex('f0ffffffffffffffff'))).toBeNull()
  })

  it('takes seven bytes at the most, for four days of sound', () => {
    const kid = encodeKeyId({ source: 'screen_audio', level: 2, leaf: 4095, epoch: 255 })
    expect(encodeHeader(kid, 2 ** 24 - 1)).toHaveLength(7)
    expect(encodeHeader(kid, 2 ** 24 - 1).length + TAG_BYTES).toBe(23)
  })
})

describe('the cipher of RFC 9605, C.3', () => {
  const baseKey = hex('000102030405060708090a0b0c0d0e0f')
  const metadata = hex('4945544620534672616d65205747')
  const plain = hex('64726166742d696574662d736672616d652d656e63')
  const sealed = hex('9901234567b7412c2513a1b66dbb48841bbaf17f598751176ad847681a69c6d0b091c07018ce4adb34eb')

  it('gives the vector of AES_128_GCM_SHA256_128', async () => {
    const key = await FrameKey.derive(baseKey, 0x123, 'encrypt')
    const header = encodeHeader(0x123, 0x4567)
    const ciphertext = await key.encrypt(0x4567, plain, concat(header, metadata))
    expect(concat(header, ciphertext)).toEqual(sealed)
  })

  it('opens it, and nothing that was changed', async () => {
    const key = await FrameKey.derive(baseKey, 0x123, 'decrypt')
    const header = decodeHeader(sealed)
    expect(header).toEqual({ kid: 0x123, counter: 0x4567, length: 5 })
    const ciphertext = sealed.slice(5)
    const aad = concat(sealed.subarray(0, 5), metadata)
    expect(await key.decrypt(0x4567, ciphertext, aad)).toEqual(plain)
    await expect(key.decrypt(0x4568, ciphertext, aad)).rejects.toThrow()
    await expect(key.decrypt(0x4567, ciphertext, aad.map((byte) => byte ^ 1))).rejects.toThrow()
    for (let i = 0; i < ciphertext.length; i += 1) {
      const changed = ciphertext.map((byte, at) => (at === i ? byte ^ 0x80 : byte))
      await expect(key.decrypt(0x4567, changed, aad)).rejects.toThrow()
    }
  })

  it('authenticates what stays in clear in front', async () => {
    const kid = encodeKeyId({ source: 'camera', level: 0, leaf: 3, epoch: 1 })
    const prefix = hex('30000000')
    const frame = await seal(await FrameKey.derive(baseKey, kid, 'encrypt'), kid, 2 ** 33 + 5, plain, prefix)
    const key = await FrameKey.derive(baseKey, kid, 'decrypt')
    const header = decodeHeader(frame, prefix.length)
    if (header === null) throw new Error('no header')
    expect(await open(key, frame, header, prefix.length)).toEqual(concat(prefix, plain))
    const changed = frame.map((byte, i) => (i === 0 ? byte ^ 0x02 : byte))
    await expect(open(key, changed, header, prefix.length)).rejects.toThrow()
  })

  it('gives each level keys of its own', async () => {
    const narrow = await narrowBaseKey(baseKey, new Uint8Array(16).fill(7))
    expect(narrow).toHaveLength(16)
    expect(narrow).not.toEqual(baseKey)
    expect(narrow).not.toEqual(await narrowBaseKey(baseKey, new Uint8Array(16).fill(8)))
  })
})

describe('a key id', () => {
  it('says source, level, leaf and epoch, each one alone', () => {
    const seen = new Set<number>()
    for (const source of ['data', 'microphone', 'camera', 'screen', 'screen_audio'] satisfies Source[]) {
      for (const level of [0, 1, 2] satisfies Level[]) {
        for (const leaf of [0, 1, 4095]) {
          for (const epoch of [0, 1, 255]) {
            const kid = encodeKeyId({ source, level, leaf, epoch })
            expect(decodeKeyId(kid)).toEqual({ source, level, leaf, epoch })
            seen.add(kid)
          }
        }
      }
    }
    expect(seen.size).toBe(5 * 3 * 3 * 3)
    expect(encodeKeyId({ source: 'camera', level: 1, leaf: 0x123, epoch: 0x145 })).toBe(0x712345)
  })

  it('has no place for other contexts and no more leaves', () => {
    expect(decodeKeyId(0xf00000)).toBeNull()
    expect(decodeKeyId(2 ** 24)).toBeNull()
    expect(() => encodeKeyId({ source: 'data', level: 0, leaf: 4096, epoch: 0 })).toThrow(RangeError)
  })

  it('counts epochs around', () => {
    expect(epochsAfter(0, 255)).toBe(1)
    expect(epochsAfter(255, 0)).toBe(-1)
    expect(epochsAfter(5, 5)).toBe(0)
    expect(epochsAfter(130, 5)).toBe(125)
    expect(epochsAfter(140, 5)).toBe(-121)
  })
})

describe('the replay window', () => {
  it('takes each counter once, in any order', () => {
    const replay = new ReplayWindow()
    for (const counter of [5, 3, 9, 4, 1000, 999]) {
      expect(replay.isFresh(counter)).toBe(true)
      replay.note(counter)
      expect(replay.isFresh(counter)).toBe(false)
    }
    expect(replay.isFresh(6)).toBe(true)
  })

  it('takes nothing that is older than it reaches', () => {
    const replay = new ReplayWindow()
    replay.note(5000)
    expect(replay.isFresh(5000 - REPLAY_WINDOW)).toBe(false)
    expect(replay.isFresh(5000 - REPLAY_WINDOW + 1)).toBe(true)
    replay.note(5000 - REPLAY_WINDOW + 1)
    expect(replay.isFresh(5000 - REPLAY_WINDOW + 1)).toBe(false)
    replay.note(2 ** 40)
    expect(replay.isFresh(5001)).toBe(false)
    expect(replay.isFresh(2 ** 40 - 1)).toBe(true)
  })

  it('agrees with a list of everything noted', () => {
    const replay = new ReplayWindow()
    const noted = new Set<number>()
    let [state, highest] = [1, -1]
    for (let i = 0; i < 20_000; i += 1) {
      state = (state * 48_271) % 2_147_483_647
      const counter = Math.max(0, Math.floor(i * 0.7) + (state % 1500) - 1000)
      const fresh = counter > highest || (counter > highest - REPLAY_WINDOW && !noted.has(counter))
      expect(replay.isFresh(counter)).toBe(fresh)
      if (!fresh) continue
      replay.note(counter)
      noted.add(counter)
      highest = Math.max(highest, counter)
    }
  })
})

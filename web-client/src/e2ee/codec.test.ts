import { describe, expect, it } from 'vitest'
import { clearPrefix } from './codec'

const KEY = Uint8Array.of(0x30, 1, 2, 0x9d, 0x01, 0x2a, 0, 1, 0, 1, 99)
const DELTA = Uint8Array.of(0x31, 1, 2, 3)

describe('what stays in clear', () => {
  it('is nothing of sound, of VP9, and of whole frames', () => {
    expect(clearPrefix('audio/opus', false, DELTA)).toBe(0)
    expect(clearPrefix('audio/red', false, DELTA)).toBe(0)
    expect(clearPrefix('video/VP9', false, DELTA)).toBe(0)
    for (const codec of ['video/VP8', 'video/VP9', 'video/AV1', 'video/H264']) expect(clearPrefix(codec, true, KEY)).toBe(0)
  })

  it('is the header of a VP8 frame in mode plain', () => {
    expect(clearPrefix('video/VP8', false, KEY)).toBe(10)
    expect(clearPrefix('video/VP8', false, DELTA)).toBe(3)
  })

  it('is no frame at all where it is cut, or of a codec that is not to be', () => {
    expect(clearPrefix('video/VP8', false, KEY.subarray(0, 9))).toBeNull()
    expect(clearPrefix('video/VP8', false, DELTA.subarray(0, 2))).toBeNull()
    expect(clearPrefix('video/VP8', false, new Uint8Array())).toBeNull()
    for (const codec of ['video/AV1', 'video/H264', '']) expect(clearPrefix(codec, false, KEY)).toBeNull()
    for (const raw of [false, true]) expect(clearPrefix('audio/PCMU', raw, DELTA)).toBeNull()
  })
})

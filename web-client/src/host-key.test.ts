import { afterEach, describe, expect, it, vi } from 'vitest'
import { deriveHostKey, signDelegation } from './host-key'

const ROOM = 'ABEiM0RVZneImaq7zN3u_w'
const MODERATOR = Uint8Array.from({ length: 16 }, (_, i) => i)
const PARTICIPANT = 'BwcHBwcHBwc'
const EXPIRES_AT = 1_798_761_600

// The same values stand in the server's tests: both sides must derive and sign alike.
describe('the host key', () => {
  it('follows from the moderator secret', async () => {
    expect(await deriveHostKey(MODERATOR)).toBe('6QNNj4yLl7BMbF9H_b2hEdhDsGkuo1pXKAbrd7tlIx4')
    expect(await deriveHostKey(new Uint8Array(16))).not.toBe(await deriveHostKey(MODERATOR))
  })

  it('signs who is a moderator where, and until when', async () => {
    const signature = 'RwOZjusEnzS8u7pMVDple_dvblqGLyGwuNhTC3smB7LIvRlRTIMobgND_neyqZ2_B-sW9_zJE919v1rl8M57AQ'
    expect(await signDelegation(MODERATOR, ROOM, PARTICIPANT, EXPIRES_AT)).toEqual({ expiresAt: EXPIRES_AT, signature })
    const others = [
      await signDelegation(MODERATOR, 'AAEiM0RVZneImaq7zN3u_w', PARTICIPANT, EXPIRES_AT),
      await signDelegation(MODERATOR, ROOM, 'CAcHBwcHBwc', EXPIRES_AT),
      await signDelegation(MODERATOR, ROOM, PARTICIPANT, EXPIRES_AT + 1),
    ]
    expect(others.map((other) => other?.signature)).not.toContain(signature)
  })

  it('signs nothing about what is no room or no participant', async () => {
    expect(await signDelegation(MODERATOR, '?', PARTICIPANT, EXPIRES_AT)).toBeNull()
    expect(await signDelegation(MODERATOR, ROOM, '?', EXPIRES_AT)).toBeNull()
  })
})

describe('a browser without Ed25519', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('makes no host key and passes nothing on', async () => {
    vi.spyOn(crypto.subtle, 'importKey').mockRejectedValue(new DOMException('', 'NotSupportedError'))
    expect(await deriveHostKey(MODERATOR)).toBeNull()
    expect(await signDelegation(MODERATOR, ROOM, PARTICIPANT, EXPIRES_AT)).toBeNull()
  })
})

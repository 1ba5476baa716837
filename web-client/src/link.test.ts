import { describe, expect, it } from 'vitest'
import {
  buildLink,
  deriveGuestSecret,
  deriveHandleProof,
  deriveProof,
  deriveVerifier,
  makeRoomSecrets,
  makeSecret,
  parseLink,
  type RoomFlags,
} from './link'

const ROOM = 'ABEiM0RVZneImaq7zN3u_w'
const MODERATOR = Uint8Array.from({ length: 16 }, (_, i) => i)

describe('links', () => {
  it('survive being written and read', () => {
    for (const role of ['guest', 'moderator'] as const) {
      const link = { room: ROOM, role, secret: MODERATOR, admission: null, encryption: null }
      const url = new URL(buildLink('https://ecole.example', link))
      expect(url.origin).toBe('https://ecole.example')
      expect(url.pathname + url.search).not.toContain('AAECAwQFBgcICQoLDA0ODw')
      expect(parseLink(url.pathname, url.hash)).toEqual(link)
    }
  })

  it('of one person carry a secret of their own', () => {
    const link = { room: ROOM, role: 'guest', secret: MODERATOR, admission: makeSecret(), encryption: null } as const
    const url = new URL(buildLink('https://ecole.example', link))
    expect(url.hash).toMatch(/^#v1p\.AAECAwQFBgcICQoLDA0ODw\.[\w-]{22}$/)
    expect(parseLink(url.pathname, url.hash)).toEqual(link)
    expect(() => buildLink('https://a', { ...link, role: 'moderator' })).toThrow(TypeError)
  })

  it('cut anywhere never read as another one', () => {
    for (const admission of [null, MODERATOR]) {
      const { pathname, hash } = new URL(buildLink('https://a', { room: ROOM, role: 'guest', secret: MODERATOR, admission, encryption: null }))
      for (let end = 0; end < hash.length; end += 1) expect(parseLink(pathname, hash.slice(0, end)), hash.slice(0, end)).toBeNull()
    }
  })

  it('of an encrypted room carry what makes encryption mandatory', () => {
    for (const open of [false, true]) {
      for (const raw of [false, true]) {
        for (const link of encryptedLinks({ open, raw })) {
          const { pathname, hash } = new URL(buildLink('https://a', link))
          expect(parseLink(pathname, hash)).toEqual(link)
          for (let end = 0; end < hash.length; end += 1) expect(parseLink(pathname, hash.slice(0, end))).toBeNull()
        }
      }
    }
  })

  it('of an encrypted room have the agreed form', () => {
    const [guest, personal, moderator] = encryptedLinks({ open: true, raw: true })
    const secret = 'AAECAwQFBgcICQoLDA0ODw'
    const fingerprint = 'AQEBAQEBAQEBAQEBAQEBAQ'
    expect(new URL(buildLink('https://a', guest)).hash).toBe(`#v1eor.${secret}.${fingerprint}`)
    expect(new URL(buildLink('https://a', personal)).hash).toBe(
      `#v1peor.${secret}.${secret}.${fingerprint}.${'Ag'.padEnd(86, 'ICAg').slice(0, 84)}Ag`,
    )
    expect(new URL(buildLink('https://a', moderator)).hash).toBe(`#v1meor.${secret}`)
  })

  it('lose nothing of the encryption without an error', () => {
    const [guest, personal] = encryptedLinks({ open: false, raw: false })
    const { fingerprint, certificate } = personal.encryption
    const incomplete = [
      { ...guest, encryption: { ...guest.encryption, fingerprint: null } },
      { ...guest, encryption: { ...guest.encryption, certificate } },
      { ...personal, encryption: { ...personal.encryption, certificate: null } },
      { ...personal, encryption: { ...personal.encryption, fingerprint: certificate, certificate: fingerprint } },
    ]
    for (const link of incomplete) expect(() => buildLink('https://a', link)).toThrow(TypeError)
  })

  it('have the agreed form', () => {
    const link = { room: ROOM, role: 'guest', secret: MODERATOR, admission: null, encryption: null } as const
    expect(buildLink('https://a', link)).toBe(`https://a/r/${ROOM}#v1.AAECAwQFBgcICQoLDA0ODw`)
    expect(buildLink('https://a', { ...link, role: 'moderator' })).toBe(
      `https://a/r/${ROOM}#v1m.AAECAwQFBgcICQoLDA0ODw`,
    )
  })

  it.each([
    ['no fragment', `/r/${ROOM}`, ''],
    ['cut secret', `/r/${ROOM}`, '#v1.AAECAwQFBgcICQoLDA0OD'],
    ['too long a secret', `/r/${ROOM}`, '#v1.AAECAwQFBgcICQoLDA0ODwA'],
    ['another spelling of the secret', `/r/${ROOM}`, '#v1.AAECAwQFBgcICQoLDA0ODx'],
    ['another version', `/r/${ROOM}`, '#v2.AAECAwQFBgcICQoLDA0ODw'],
    ['a second secret in the place of none', `/r/${ROOM}`, '#v1.AAECAwQFBgcICQoLDA0ODw.AAECAwQFBgcICQoLDA0ODw'],
    ['a second secret of a moderator', `/r/${ROOM}`, '#v1m.AAECAwQFBgcICQoLDA0ODw.AAECAwQFBgcICQoLDA0ODw'],
    ['a third secret', `/r/${ROOM}`, '#v1p.AAECAwQFBgcICQoLDA0ODw.AAECAwQFBgcICQoLDA0ODw.AAECAwQFBgcICQoLDA0ODw'],
    ['an empty second secret', `/r/${ROOM}`, '#v1p.AAECAwQFBgcICQoLDA0ODw.'],
    ['flags in another order', `/r/${ROOM}`, '#v1ero.AAECAwQFBgcICQoLDA0ODw.AAECAwQFBgcICQoLDA0ODw'],
    ['a flag twice', `/r/${ROOM}`, '#v1eoo.AAECAwQFBgcICQoLDA0ODw.AAECAwQFBgcICQoLDA0ODw'],
    ['an unknown flag', `/r/${ROOM}`, '#v1ex.AAECAwQFBgcICQoLDA0ODw.AAECAwQFBgcICQoLDA0ODw'],
    ['flags without encryption', `/r/${ROOM}`, '#v1o.AAECAwQFBgcICQoLDA0ODw'],
    ['encryption without a fingerprint', `/r/${ROOM}`, '#v1e.AAECAwQFBgcICQoLDA0ODw'],
    ['a fingerprint without encryption', `/r/${ROOM}`, '#v1.AAECAwQFBgcICQoLDA0ODw.AAECAwQFBgcICQoLDA0ODw'],
    ['a personal link without a certificate', `/r/${ROOM}`, '#v1pe.AAECAwQFBgcICQoLDA0ODw.AAECAwQFBgcICQoLDA0ODw.AAECAwQFBgcICQoLDA0ODw'],
    ['another sign in front', `/r/${ROOM}`, '?v1.AAECAwQFBgcICQoLDA0ODw'],
    ['cut room', '/r/ABEiM0RVZneImaq7zN3u_', '#v1.AAECAwQFBgcICQoLDA0ODw'],
    ['another page', `/x/${ROOM}`, '#v1.AAECAwQFBgcICQoLDA0ODw'],
  ])('are refused with %s', (_, path, hash) => {
    expect(parseLink(path, hash)).toBeNull()
  })
})

/** The three links of an encrypted room. */
function encryptedLinks(flags: RoomFlags) {
  const [fingerprint, certificate] = [new Uint8Array(16).fill(1), new Uint8Array(64).fill(2)]
  const base = { room: ROOM, secret: MODERATOR }
  return [
    { ...base, role: 'guest', admission: null, encryption: { ...flags, fingerprint, certificate: null } },
    { ...base, role: 'guest', admission: MODERATOR, encryption: { ...flags, fingerprint, certificate } },
    { ...base, role: 'moderator', admission: null, encryption: { ...flags, fingerprint: null, certificate: null } },
  ] as const
}

// The same values stand in the server's tests: both sides must derive alike.
describe('derivation', () => {
  it('gives the known guest secrets', async () => {
    const first = await deriveGuestSecret(MODERATOR, 0)
    expect(Buffer.from(first).toString('base64url')).toBe('h89nePtJu1ejyFCZyq0O4g')
    const second = await deriveGuestSecret(MODERATOR, 1)
    expect(Buffer.from(second).toString('base64url')).toBe('1EK9SIaEjEc7y0Wk7CkLmg')
  })

  it('gives the known proofs and verifiers', async () => {
    const guest = await deriveGuestSecret(MODERATOR, 0)
    const proofs = [await deriveProof(MODERATOR), await deriveProof(guest)]
    expect(proofs).toEqual([
      'zglFSPjIUwgYfDu5Fjos2NsGjdNjJPyKFf2NWNlRQ_w',
      'u4zXjLM9arr9OLZa-Wfl_PdHiRBORiZhFE5YPCkQpLc',
    ])
    expect(await Promise.all(proofs.map(deriveVerifier))).toEqual([
      'mNU6IhDnxIdD5de2K6vpN1YL8vEO0JlLB5wSzYop58M',
      'FedJas32xCQapI_VuCvkacBb2WfLLETBO1wp1qaYq4s',
    ])
  })

  it('gives the proof of a personal link, which is no proof of the room', async () => {
    expect(await deriveHandleProof(MODERATOR)).toBe('llllbE4jljNi6w3csJYZM5nbWzw-D4ptqh_-e5R-Wr8')
  })

  it('makes other secrets for each room', async () => {
    const [a, b] = [await makeRoomSecrets(), await makeRoomSecrets()]
    expect(a.moderator).not.toEqual(b.moderator)
    expect(a.guestVerifier).not.toBe(a.moderatorVerifier)
    expect(await deriveGuestSecret(a.moderator, 0)).toEqual(a.guest)
  })
})

import { describe, expect, it } from 'vitest'
import { hostKeyOf } from '../host-key'
import { type Link, makeSecret, toBase64Url } from '../link'
import {
  certifyPersonal,
  checkAgainstLink,
  deriveLobbyMacKey,
  derivePsk,
  fingerprintOf,
  guestLink,
  isCertified,
  linkFingerprint,
  openLobbyName,
  personalKeyOf,
  personalLink,
  pskGeneration,
  pskId,
  roomBytes,
  roomCode,
  sealLobbyName,
} from './link-keys'
import { ROOM_CODE_WORDS } from './room-code-words'

const ROOM = 'ABEiM0RVZneImaq7zN3u_w'
const SECRET = Uint8Array.from({ length: 16 }, (_, i) => i)
const MODERATOR: Link = {
  room: ROOM,
  role: 'moderator',
  secret: SECRET,
  admission: null,
  encryption: { open: false, raw: false, fingerprint: null, certificate: null },
}

// The same values stand in the tests of the independent member.
describe('keys of a link', () => {
  it('are the known ones', async () => {
    expect(toBase64Url(await derivePsk(SECRET, ROOM))).toBe('gEM0VEomJ9_QqG6PP3dCooEqczTqCfo5qRbb5Kcqq_Q')
    expect(toBase64Url(await deriveLobbyMacKey(SECRET, ROOM))).toBe('UZ2Ny-qtD-wxNS6wdY687c8awnXldOExvuhE2AFpsIE')
    expect(toBase64Url((await personalKeyOf(SECRET)).publicKey)).toBe('rqaWErI2ln_8LZ12sMw0xTvU1Rd-23_M746fRCH4oEI')
    expect(toBase64Url(await certifyPersonal(SECRET, ROOM, SECRET))).toBe('Xfv8PSh7SOwYveiRPX6ckWn-oyUzwWEnAKZLpMKFs8ZaothCJTVoscnBW2z6zBoWpmpeSZoS5j8inCQO3rSBBA')
    expect(toBase64Url(await linkFingerprint(MODERATOR))).toBe('2k4LUgxggC9eX1EoIrrQvQ')
  })

  it('name a PSK by its generation', () => {
    expect(pskGeneration(pskId(3))).toBe(3)
    expect(pskGeneration(pskId(0xffffffff))).toBe(0xffffffff)
    expect(pskGeneration(pskId(3).slice(1))).toBeNull()
    expect(pskGeneration(new Uint8Array(18))).toBeNull()
  })
})

describe('the links a moderator hands out', () => {
  it('carry fingerprint and certificate', async () => {
    const guest = await guestLink(MODERATOR, 0)
    const host = await hostKeyOf(SECRET)
    expect(guest.encryption?.fingerprint).toEqual(await fingerprintOf(host.publicKey))
    const admission = makeSecret()
    const { encryption } = await personalLink(MODERATOR, 0, admission)
    const { publicKey } = await personalKeyOf(admission)
    const certificate = encryption?.certificate ?? new Uint8Array()
    expect(await isCertified(host.publicKey, roomBytes(ROOM), publicKey, certificate)).toBe(true)
    expect(await isCertified(host.publicKey, new Uint8Array(16), publicKey, certificate)).toBe(false)
    expect(await isCertified(host.publicKey, roomBytes(ROOM), host.publicKey, certificate)).toBe(false)
  })
})

describe('what the server says', () => {
  it('is believed only as far as the link agrees', async () => {
    const guest = await guestLink(MODERATOR, 0)
    const hostKey = toBase64Url((await hostKeyOf(SECRET)).publicKey)
    const other = toBase64Url((await hostKeyOf(makeSecret())).publicKey)
    const flags = { open: false, raw: false }
    for (const link of [guest, MODERATOR]) {
      expect(await checkAgainstLink(link, { flags, hostKey })).toBeNull()
      expect(await checkAgainstLink(link, null)).toBe('not_encrypted')
      expect(await checkAgainstLink(link, { flags: { open: true, raw: false }, hostKey })).toBe('other_flags')
      expect(await checkAgainstLink(link, { flags: { open: false, raw: true }, hostKey })).toBe('other_flags')
      expect(await checkAgainstLink(link, { flags, hostKey: other })).toBe('other_host_key')
      expect(await checkAgainstLink(link, { flags, hostKey: '?' })).toBe('other_host_key')
    }
    const plain = { ...guest, encryption: null }
    expect(await checkAgainstLink(plain, null)).toBeNull()
    expect(await checkAgainstLink(plain, { flags, hostKey })).toBe('not_encrypted')
  })
})

describe('names in the lobby', () => {
  it('are read by those who hold the link, and say little by their length', async () => {
    const sealed = await sealLobbyName(SECRET, ROOM, 'Zoé')
    expect(sealed).toHaveLength((await sealLobbyName(SECRET, ROOM, 'Maximilien-Alexandre')).length)
    expect(await openLobbyName(SECRET, ROOM, sealed)).toBe('Zoé')
    expect(await openLobbyName(makeSecret(), ROOM, sealed)).toBeNull()
    expect(await openLobbyName(SECRET, 'AAEiM0RVZneImaq7zN3u_w', sealed)).toBeNull()
    expect(await openLobbyName(SECRET, ROOM, sealed.slice(4))).toBeNull()
    expect(await openLobbyName(SECRET, ROOM, 'AAAA')).toBeNull()
    expect(await openLobbyName(SECRET, ROOM, '?')).toBeNull()
  })
})

describe('the code of a room', () => {
  it('is three words and six digits', async () => {
    const { publicKey } = await hostKeyOf(SECRET)
    expect(await roomCode(publicKey, ROOM)).toEqual({ words: ['panorama', 'courge', 'pinceau'], digits: '370861' })
    const other = await roomCode(publicKey, 'AAEiM0RVZneImaq7zN3u_w')
    expect(other).not.toEqual(await roomCode(publicKey, ROOM))
  })

  it('has 1,024 words, each one plain', () => {
    expect(ROOM_CODE_WORDS).toHaveLength(1024)
    expect(new Set(ROOM_CODE_WORDS).size).toBe(1024)
    for (const word of ROOM_CODE_WORDS) expect(word).toMatch(/^[a-zàâçéèêëîïôûœ]{4,10}$/)
  })
})

import { beforeAll, describe, expect, it } from 'vitest'
import { hostKeyOf } from '../host-key'
import { makeSecret, toBase64Url } from '../link'
import { type SigningKey, signingKeyOf } from '../signing-key'
import {
  type Admission,
  admitByDelegate,
  admitByHost,
  admitByLink,
  admitByPersonalKey,
  type Candidate,
  checkAdmission,
  decodeAdmission,
  decodeCredential,
  encodeAdmission,
  encodeCredential,
  type RoomTrust,
  untilOf,
} from './admission'
import { certifyPersonal, deriveLobbyMacKey, personalKeyOf, roomBytes } from './link-keys'

const SLUG = 'ABEiM0RVZneImaq7zN3u_w'
const ROOM = roomBytes(SLUG)
const SECRET = Uint8Array.from({ length: 16 }, (_, i) => i)
const NOW = 1_798_761_600
const UNTIL = untilOf(NOW)
const PARTICIPANT = 'BwcHBwcHBwc'

let host: SigningKey
let member: SigningKey
let candidate: Candidate
let macKey: Uint8Array<ArrayBuffer>
let trust: RoomTrust
/** One of each kind. */
let admissions: Record<Admission['proof']['kind'], Admission>

beforeAll(async () => {
  host = await hostKeyOf(SECRET)
  member = await signingKeyOf(new Uint8Array(32).fill(1))
  candidate = { room: ROOM, participant: PARTICIPANT, memberKey: member.publicKey }
  macKey = await deriveLobbyMacKey(SECRET, SLUG)
  trust = { room: ROOM, hostKey: host.publicKey, open: true, macKeyOf: (generation) => (generation === 0 ? macKey : null) }
  const key = await signingKeyOf(new Uint8Array(32).fill(2))
  const delegate = { room: ROOM, participant: 'AQEBAQEBAQE', memberKey: key.publicKey }
  const own = await admitByHost(host, delegate, 'moderator', UNTIL)
  admissions = {
    link: await admitByLink(macKey, 0, candidate, UNTIL),
    host: await admitByHost(host, candidate, 'moderator', UNTIL),
    delegate: await admitByDelegate({ participant: 'AQEBAQEBAQE', key, own }, candidate, UNTIL),
    personal: await admitByPersonalKey(
      await personalKeyOf(SECRET),
      await certifyPersonal(SECRET, SLUG, SECRET),
      candidate,
      UNTIL,
    ),
  }
})

const all = () => Object.entries(admissions)

describe('an admission', () => {
  it('of each kind is believed', async () => {
    for (const [kind, admission] of all()) expect(await checkAdmission(trust, candidate, admission, NOW), kind).toBeNull()
  })

  it('of each kind has the agreed bytes', () => {
    const lengths = all().map(([kind, admission]) => [kind, encodeAdmission(admission).length])
    expect(Object.fromEntries(lengths)).toEqual({ link: 46, host: 74, delegate: 186, personal: 170 })
    // The same value stands in the tests of the independent member.
    expect(toBase64Url(encodeAdmission(admissions.host))).toBe(
      'AQAAAABrOD4AAb8vz8lMrDVanfinlAtuzOxjWwur1PVlh2tFr5xltvFx3vIbtMOy5dW28fbvnBbMVa_nSGF27B_XoaI09autQw4',
    )
  })

  it('survives being written and read, and nothing else reads as one', () => {
    for (const [kind, admission] of all()) {
      const bytes = encodeAdmission(admission)
      expect(decodeAdmission(bytes), kind).toEqual(admission)
      for (let end = 0; end < bytes.length; end += 1) expect(decodeAdmission(bytes.subarray(0, end))).toBeNull()
      expect(decodeAdmission(Uint8Array.of(...bytes, 0))).toBeNull()
      expect(decodeAdmission(Uint8Array.of(2, ...bytes.subarray(1)))).toBeNull()
      expect(decodeAdmission(bytes.map((byte, i) => (i === 9 ? 4 : byte)))).toBeNull()
    }
  })

  it('is for one participant, key, room, role and time', async () => {
    for (const [kind, admission] of all()) {
      const fault = (change: Partial<Candidate>, other: Partial<Admission> = {}) =>
        checkAdmission({ ...trust, room: change.room ?? ROOM }, { ...candidate, ...change }, { ...admission, ...other }, NOW)
      expect(await fault({ participant: 'CAcHBwcHBwc' }), kind).toBe('forged')
      expect(await fault({ memberKey: host.publicKey }), kind).toBe('forged')
      expect(await fault({ room: new Uint8Array(16) }), kind).toBe('forged')
      expect(await fault({}, { until: UNTIL - 1 }), kind).toBe('forged')
      const role = admission.role === 'guest' ? 'moderator' : 'guest'
      expect(await fault({}, { role }), kind).toBe(kind === 'host' ? 'forged' : 'not_enough')
    }
    const elsewhere = { ...trust, room: new Uint8Array(16) }
    expect(await checkAdmission(elsewhere, candidate, admissions.host, NOW)).toBe('other_room')
  })

  it('bears a clock that is wrong by less than half a day', async () => {
    for (const [kind, admission] of all()) {
      const at = (hours: number) => checkAdmission(trust, candidate, admission, NOW + hours * 3600)
      expect(await at(-12), kind).toBeNull()
      expect(await at(35.9), kind).toBeNull()
      expect(await at(-12.1), kind).toBe('clock')
      expect(await at(36), kind).toBe('clock')
    }
  })

  it('by the link alone is worth nothing where the link is not enough', async () => {
    const strict = { ...trust, open: false }
    expect(await checkAdmission(strict, candidate, admissions.link, NOW)).toBe('not_enough')
    for (const kind of ['host', 'delegate', 'personal'] as const) {
      expect(await checkAdmission(strict, candidate, admissions[kind], NOW), kind).toBeNull()
    }
  })

  it('by a link of another generation passes only for those who were there before', async () => {
    const other = await admitByLink(await deriveLobbyMacKey(makeSecret(), SLUG), 7, candidate, UNTIL)
    expect(await checkAdmission(trust, candidate, other, NOW)).toBe('unknown_generation')
    expect(await checkAdmission(trust, candidate, other, NOW, true)).toBeNull()
    expect(await checkAdmission({ ...trust, open: false }, candidate, other, NOW, true)).toBe('not_enough')
    const forged = { ...admissions.link, proof: { kind: 'link', generation: 0, mac: new Uint8Array(32) } } as const
    expect(await checkAdmission(trust, candidate, forged, NOW, true)).toBe('forged')
  })

  it('by another host key is forged', async () => {
    const other = { ...trust, hostKey: (await hostKeyOf(makeSecret())).publicKey }
    for (const kind of ['host', 'delegate', 'personal'] as const) {
      expect(await checkAdmission(other, candidate, admissions[kind], NOW), kind).toBe('forged')
    }
  })

  it('by a delegate needs one whom the host key made a moderator', async () => {
    const key = await signingKeyOf(new Uint8Array(32).fill(3))
    const guest = { room: ROOM, participant: 'AQEBAQEBAQE', memberKey: key.publicKey }
    const own = await admitByHost(host, guest, 'guest', UNTIL)
    await expect(admitByDelegate({ participant: 'AQEBAQEBAQE', key, own }, candidate, UNTIL)).rejects.toThrow(TypeError)
    const claimed = { ...own, role: 'moderator' } as const
    const admission = await admitByDelegate({ participant: 'AQEBAQEBAQE', key, own: claimed }, candidate, UNTIL)
    expect(await checkAdmission(trust, candidate, admission, NOW)).toBe('forged')
  })
})

describe('a credential', () => {
  it('survives being written and read, and nothing else reads as one', () => {
    for (const [, admission] of all()) {
      const credential = { participant: PARTICIPANT, room: ROOM, audienceKey: new Uint8Array(32).fill(9), admission }
      const bytes = encodeCredential(credential)
      expect(decodeCredential(bytes)).toEqual(credential)
      for (let end = 0; end < bytes.length; end += 1) expect(decodeCredential(bytes.subarray(0, end))).toBeNull()
      expect(decodeCredential(Uint8Array.of(...bytes, 0))).toBeNull()
      expect(decodeCredential(bytes.map((byte, i) => (i === 0 ? 0 : byte)))).toBeNull()
    }
  })
})

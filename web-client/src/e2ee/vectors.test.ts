// Fixed values that the independent member (tests/e2ee, in Rust) wrote: both must read and write the
// same bytes.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { hostKeyOf } from '../host-key'
import { buildLink, deriveGuestSecret, deriveHandleProof, deriveProof, deriveVerifier, fromBase64Url, parseLink, toBase64Url } from '../link'
import type { Role } from '../protocol/generated'
import { signingKeyOf } from '../signing-key'
import {
  type Admission,
  admitByDelegate,
  admitByHost,
  admitByLink,
  admitByPersonalKey,
  type Candidate,
  checkAdmission,
  decodeCredential,
  encodeAdmission,
  encodeCredential,
} from './admission'
import type { Bytes } from './bytes'
import { clearPrefix } from './codec'
import {
  certifyPersonal,
  deriveLobbyMacKey,
  derivePsk,
  fingerprintOf,
  linkFingerprint,
  openLobbyName,
  personalKeyOf,
  pskId,
} from './link-keys'
import { openBallot, openRoot, pairOf } from './narrow'
import { decodeHeader, encodeKeyId, FrameKey, type Level, narrowBaseKey, open, seal, type Source } from './sframe'

const SOURCES: readonly Source[] = ['data', 'microphone', 'camera', 'screen', 'screen_audio']
const MIME_TYPES = { whole: null, opus: 'audio/opus', vp8: 'video/VP8', vp9: 'video/VP9' } as const

interface LinkVectors {
  room: string
  moderatorSecret: string
  generation: number
  guestSecret: string
  guestVerifier: string
  hostKey: string
  fingerprint: string
  links: {
    path: string
    fragment: string
    open: boolean
    raw: boolean
    kind: 'guest' | 'personal' | 'moderator'
    fingerprint: string
    proof: string
    handleProof: string | null
  }[]
  psk: string
  pskId: string
  lobbyMacKey: string
  lobbyName: { name: string; sealed: string }
  personal: { admissionSecret: string; personalKey: string; certificate: string }
}

interface FrameVectors {
  baseKey: string
  root: string
  narrowBaseKey: string
  frames: {
    leaf: number
    epoch: number
    source: number
    level: Level
    codec: keyof typeof MIME_TYPES
    kid: number
    counter: number
    plain: string
    sealed: string
  }[]
}

interface SealedVectors {
  audiencePrivateKey: string
  audienceKey: string
  root: string
  roots: { level: 1 | 2; enc: string; ct: string }[]
  poll: number
  questionPrivateKey: string
  questionKey: string
  choice: number
  ballot: string
}

interface AdmissionVectors {
  room: string
  moderatorSecret: string
  generation: number
  guestSecret: string
  participant: string
  until: number
  memberKey: string
  audienceKey: string
  delegate: { participant: string; until: number; memberSeed: string; memberKey: string; hostSignature: string }
  personalAdmissionSecret: string
  personalCertificate: string
  admissions: { kind: 'link' | 'host' | 'delegate' | 'personal'; role: 0 | 1; admission: string; identity: string }[]
}

describe('links', () => {
  const vectors = read('link') as LinkVectors
  const [moderator, guest, admission] = [
    bytes(vectors.moderatorSecret),
    bytes(vectors.guestSecret),
    bytes(vectors.personal.admissionSecret),
  ]

  it.each(vectors.links)('$fragment', async ({ path, fragment, kind, open, raw, fingerprint, proof, handleProof }) => {
    const link = parseLink(path, fragment)
    if (link === null) throw new TypeError('no link')
    expect(buildLink('', link)).toBe(path + fragment)
    expect(link.encryption).toMatchObject({ open, raw })
    expect(link.role).toBe(kind === 'moderator' ? 'moderator' : 'guest')
    expect(toBase64Url(await linkFingerprint(link))).toBe(fingerprint)
    expect(await deriveProof(link.secret)).toBe(proof)
    expect(link.admission === null ? null : await deriveHandleProof(link.admission)).toBe(handleProof)
  })

  it('give the same keys', async () => {
    const { room, generation } = vectors
    expect(toBase64Url(await deriveGuestSecret(moderator, generation))).toBe(vectors.guestSecret)
    expect(await deriveVerifier(await deriveProof(guest))).toBe(vectors.guestVerifier)
    const hostKey = (await hostKeyOf(moderator)).publicKey
    expect(toBase64Url(hostKey)).toBe(vectors.hostKey)
    expect(toBase64Url(await fingerprintOf(hostKey))).toBe(vectors.fingerprint)
    expect(toBase64Url(await derivePsk(guest, room))).toBe(vectors.psk)
    expect(toBase64Url(pskId(generation))).toBe(vectors.pskId)
    expect(toBase64Url(await deriveLobbyMacKey(guest, room))).toBe(vectors.lobbyMacKey)
    expect(await openLobbyName(guest, room, vectors.lobbyName.sealed)).toBe(vectors.lobbyName.name)
    expect(toBase64Url((await personalKeyOf(admission)).publicKey)).toBe(vectors.personal.personalKey)
    expect(toBase64Url(await certifyPersonal(moderator, room, admission))).toBe(vectors.personal.certificate)
  })
})

describe('admissions', () => {
  const vectors = read('admission') as AdmissionVectors
  const room = bytes(vectors.room)
  const candidate: Candidate = { room, participant: vectors.participant, memberKey: bytes(vectors.memberKey) }
  const role = (byte: 0 | 1): Role => (byte === 1 ? 'moderator' : 'guest')

  async function admit(kind: AdmissionVectors['admissions'][number]['kind'], as: Role): Promise<Admission> {
    const { until, generation, delegate } = vectors
    switch (kind) {
      case 'link':
        return admitByLink(await deriveLobbyMacKey(bytes(vectors.guestSecret), vectors.room), generation, candidate, until)
      case 'host':
        return admitByHost(await hostKeyOf(bytes(vectors.moderatorSecret)), candidate, as, until)
      case 'delegate': {
        const own: Admission = {
          role: 'moderator',
          until: delegate.until,
          proof: { kind: 'host', signature: bytes(delegate.hostSignature) },
        }
        const key = await signingKeyOf(bytes(delegate.memberSeed))
        return admitByDelegate({ participant: delegate.participant, key, own }, candidate, until)
      }
      case 'personal': {
        const personal = await personalKeyOf(bytes(vectors.personalAdmissionSecret))
        return admitByPersonalKey(personal, bytes(vectors.personalCertificate), candidate, until)
      }
    }
  }

  it.each(vectors.admissions)('$kind, role $role', async ({ kind, role: byte, admission, identity }) => {
    const made = await admit(kind, role(byte))
    expect(toBase64Url(encodeAdmission(made))).toBe(admission)
    const credential = { participant: vectors.participant, room, audienceKey: bytes(vectors.audienceKey), admission: made }
    expect(toBase64Url(encodeCredential(credential))).toBe(identity)
    const read = decodeCredential(bytes(identity))
    if (read === null) throw new TypeError('no credential')
    const hostKey = (await hostKeyOf(bytes(vectors.moderatorSecret))).publicKey
    const macKey = await deriveLobbyMacKey(bytes(vectors.guestSecret), vectors.room)
    const trust = {
      room,
      hostKey,
      open: true,
      macKeyOf: (generation: number) => (generation === vectors.generation ? macKey : null),
    }
    expect(await checkAdmission(trust, candidate, read.admission, vectors.until)).toBeNull()
  })
})

describe('frames', () => {
  const vectors = read('frames') as FrameVectors
  const base = bytes(vectors.baseKey)

  it('have the same narrow base key', async () => {
    expect(toBase64Url(await narrowBaseKey(base, bytes(vectors.root)))).toBe(vectors.narrowBaseKey)
  })

  it.each(vectors.frames)('$codec, level $level, key id $kid, counter $counter', async (frame) => {
    const source = SOURCES[frame.source]
    if (source === undefined) throw new TypeError('no source')
    const kid = encodeKeyId({ source, level: frame.level, leaf: frame.leaf, epoch: frame.epoch })
    expect(kid).toBe(frame.kid)
    const [plain, sealed] = [bytes(frame.plain), bytes(frame.sealed)]
    const mimeType = MIME_TYPES[frame.codec]
    const prefix = mimeType === null ? 0 : clearPrefix(mimeType, false, plain)
    if (prefix === null) throw new TypeError('no frame')
    const narrow = frame.level === 0 ? base : bytes(vectors.narrowBaseKey)
    const key = await FrameKey.derive(narrow, kid, 'encrypt')
    const made = await seal(key, kid, frame.counter, plain.slice(prefix), plain.slice(0, prefix))
    expect(toBase64Url(made)).toBe(frame.sealed)
    const header = decodeHeader(sealed, prefix)
    expect(header).toMatchObject({ kid, counter: frame.counter })
    if (header === null) throw new TypeError('no header')
    const opened = await open(await FrameKey.derive(narrow, kid, 'decrypt'), sealed, header, prefix)
    expect(toBase64Url(opened)).toBe(frame.plain)
  })
})

describe('what is sealed to one alone', () => {
  const vectors = read('sealed') as SealedVectors

  it.each(vectors.roots)('opens: a root of level $level', async ({ level, enc, ct }) => {
    const pair = await pairOf(bytes(vectors.audiencePrivateKey))
    expect(toBase64Url(pair.publicKey)).toBe(vectors.audienceKey)
    const root = await openRoot(pair, level, bytes(enc), bytes(ct))
    expect(root === null ? null : toBase64Url(root)).toBe(vectors.root)
  })

  it('opens: a ballot', async () => {
    const pair = await pairOf(bytes(vectors.questionPrivateKey))
    expect(toBase64Url(pair.publicKey)).toBe(vectors.questionKey)
    expect(await openBallot(pair, vectors.poll, vectors.ballot)).toBe(vectors.choice)
  })
})

function read(name: string): unknown {
  const url = new URL(`../../../tests/e2ee/vectors/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8'))
}

function bytes(text: string): Bytes {
  const read = fromBase64Url(text)
  if (read === null) throw new TypeError('not base64url')
  return read
}

// Who may be a member of the circle, and by whose word. The server hands these bytes on; every member
// checks them, and the server can make none.

import { fromBase64Url, toBase64Url } from '../link'
import type { Role } from '../protocol/generated'
import { type SigningKey, verifies } from '../signing-key'
import { type Bytes, concat, isSame, Reader, u32, u64 } from './bytes'
import { isCertified } from './link-keys'

/** Number of a participant: 8 bytes as base64url. */
export type ParticipantId = string

/** Somebody's word that the holder of a member key is a participant of a room, in a role, for a time. */
export interface Admission {
  readonly role: Role
  /** Until when, in seconds since 1970-01-01 UTC. */
  readonly until: number
  readonly proof: Proof
}

/** By whose word. */
export type Proof =
  /** By the link alone: a MAC under a key that follows from it. Good in open rooms. */
  | { readonly kind: 'link'; readonly generation: number; readonly mac: Bytes }
  /** By the host key. */
  | { readonly kind: 'host'; readonly signature: Bytes }
  /** By a moderator whom the host key made one. */
  | {
      readonly kind: 'delegate'
      readonly delegate: ParticipantId
      readonly delegateUntil: number
      readonly delegateKey: Bytes
      readonly hostSignature: Bytes
      readonly signature: Bytes
    }
  /** By the key of a personal link, which the host key certified. */
  | { readonly kind: 'personal'; readonly personalKey: Bytes; readonly certificate: Bytes; readonly signature: Bytes }

/** What a leaf of the circle says of its member. */
export interface Credential {
  readonly participant: ParticipantId
  /** The 16 bytes of the slug. */
  readonly room: Bytes
  /** X25519, for what is meant for this member alone. */
  readonly audienceKey: Bytes
  readonly admission: Admission
}

/** Who is to be admitted. */
export interface Candidate {
  readonly room: Bytes
  readonly participant: ParticipantId
  /** Ed25519, 32 bytes. */
  readonly memberKey: Bytes
}

/** What a member knows of the room when it checks another one. */
export interface RoomTrust {
  readonly room: Bytes
  /** Ed25519, 32 bytes, of the fingerprint in the link. */
  readonly hostKey: Bytes
  /** True where the link alone admits. */
  readonly open: boolean
  /** The lobby MAC key of a generation of the guest link; `null` where it is not known. */
  macKeyOf(generation: number): Bytes | null
}

/** Why a credential is not believed. */
export type AdmissionFault =
  /** It cannot be read. */
  | 'malformed'
  /** It is for another room. */
  | 'other_room'
  /** It ended, or begins in a future no clock is wrong by: one of the two clocks is wrong. */
  | 'clock'
  /** The link alone does not admit here, or not to this role. */
  | 'not_enough'
  /** By a guest link of a generation that is not known. */
  | 'unknown_generation'
  /** The signature or the MAC is not right. */
  | 'forged'

/** When an admission that is given now ends, in seconds since 1970. */
export function untilOf(now: number): number {
  return now + ADMISSION_SECONDS
}

/** Admits by the link alone, as a guest, in an open room. */
export async function admitByLink(
  macKey: Bytes,
  generation: number,
  candidate: Candidate,
  until: number,
): Promise<Admission> {
  const key = await hmacKey(macKey, 'sign')
  const mac = await crypto.subtle.sign('HMAC', key, signedText(candidate, 'guest', until))
  return { role: 'guest', until, proof: { kind: 'link', generation, mac: new Uint8Array(mac) } }
}

/** Admits by the host key, for whoever holds the moderator link. */
export async function admitByHost(
  host: SigningKey,
  candidate: Candidate,
  role: Role,
  until: number,
): Promise<Admission> {
  return { role, until, proof: { kind: 'host', signature: await host.sign(signedText(candidate, role, until)) } }
}

/** Admits a guest by the member key of a moderator whom the host key made one; `own` is what the host
 * key signed for them, as `role 1`. */
export async function admitByDelegate(
  delegate: { readonly participant: ParticipantId; readonly key: SigningKey; readonly own: Admission },
  candidate: Candidate,
  until: number,
): Promise<Admission> {
  const { participant, key, own } = delegate
  if (own.role !== 'moderator' || own.proof.kind !== 'host') throw new TypeError('no delegate')
  return {
    role: 'guest',
    until,
    proof: {
      kind: 'delegate',
      delegate: participant,
      delegateUntil: own.until,
      delegateKey: key.publicKey,
      hostSignature: own.proof.signature,
      signature: await key.sign(signedText(candidate, 'guest', until)),
    },
  }
}

/** Admits oneself by a personal link. */
export async function admitByPersonalKey(
  personal: SigningKey,
  certificate: Bytes,
  candidate: Candidate,
  until: number,
): Promise<Admission> {
  const signature = await personal.sign(signedText(candidate, 'guest', until))
  return { role: 'guest', until, proof: { kind: 'personal', personalKey: personal.publicKey, certificate, signature } }
}

/**
 * Checks the word by which somebody is a member; `null` where it is believed. `now` in seconds since
 * 1970. `joining` is for a page that meets members who were there before: in an open room it cannot
 * know the links of earlier generations.
 */
export async function checkAdmission(
  trust: RoomTrust,
  candidate: Candidate,
  { role, until, proof }: Admission,
  now: number,
  joining = false,
): Promise<AdmissionFault | null> {
  if (!isSame(candidate.room, trust.room)) return 'other_room'
  if (!isTimely(until, now)) return 'clock'
  const text = signedText(candidate, role, until)
  const right = (good: boolean): AdmissionFault | null => (good ? null : 'forged')
  if (proof.kind === 'host') return right(await verifies(trust.hostKey, proof.signature, text))
  if (role !== 'guest') return 'not_enough'
  switch (proof.kind) {
    case 'link': {
      if (!trust.open) return 'not_enough'
      const key = trust.macKeyOf(proof.generation)
      if (key === null) return joining ? null : 'unknown_generation'
      return right(await crypto.subtle.verify('HMAC', await hmacKey(key, 'verify'), proof.mac, text))
    }
    case 'delegate': {
      if (!isTimely(proof.delegateUntil, now)) return 'clock'
      const delegate = { room: trust.room, participant: proof.delegate, memberKey: proof.delegateKey }
      const word = signedText(delegate, 'moderator', proof.delegateUntil)
      const isDelegate = await verifies(trust.hostKey, proof.hostSignature, word)
      return right(isDelegate && (await verifies(proof.delegateKey, proof.signature, text)))
    }
    case 'personal': {
      const known = await isCertified(trust.hostKey, trust.room, proof.personalKey, proof.certificate)
      return right(known && (await verifies(proof.personalKey, proof.signature, text)))
    }
  }
}

/** The bytes of an admission, as they stand in a credential and travel to whoever asked. */
export function encodeAdmission({ role, until, proof }: Admission): Bytes {
  const head = concat(Uint8Array.of(roleByte(role)), u64(until))
  switch (proof.kind) {
    case 'link':
      return concat(head, Uint8Array.of(0), u32(proof.generation), proof.mac)
    case 'host':
      return concat(head, Uint8Array.of(1), proof.signature)
    case 'delegate':
      return concat(
        head,
        Uint8Array.of(2),
        participantBytes(proof.delegate),
        u64(proof.delegateUntil),
        proof.delegateKey,
        proof.hostSignature,
        proof.signature,
      )
    case 'personal':
      return concat(head, Uint8Array.of(3), proof.personalKey, proof.certificate, proof.signature)
  }
}

/** Reads an admission; `null` where the bytes are none. */
export function decodeAdmission(bytes: Uint8Array): Admission | null {
  try {
    const reader = new Reader(bytes)
    const admission = readAdmission(reader)
    reader.end()
    return admission
  } catch {
    return null
  }
}

/** The bytes of a credential: the identity of an MLS basic credential (RFC 9420, 5.3). */
export function encodeCredential({ participant, room, audienceKey, admission }: Credential): Bytes {
  return concat(CREDENTIAL_LABEL, participantBytes(participant), room, audienceKey, encodeAdmission(admission))
}

/** Reads a credential; `null` where the bytes are none. */
export function decodeCredential(bytes: Uint8Array): Credential | null {
  try {
    const reader = new Reader(bytes)
    if (!isSame(reader.take(CREDENTIAL_LABEL.length), concat(CREDENTIAL_LABEL))) return null
    const participant = toBase64Url(reader.take(PARTICIPANT_BYTES))
    const credential = { participant, room: reader.take(16), audienceKey: reader.take(32), admission: readAdmission(reader) }
    reader.end()
    return credential
  } catch {
    return null
  }
}

function readAdmission(reader: Reader): Admission {
  const role = ROLES[reader.u8()]
  if (role === undefined) throw new RangeError('no role')
  return { role, until: reader.u64(), proof: readProof(reader) }
}

function readProof(reader: Reader): Proof {
  switch (reader.u8()) {
    case 0:
      return { kind: 'link', generation: reader.u32(), mac: reader.take(32) }
    case 1:
      return { kind: 'host', signature: reader.take(64) }
    case 2:
      return {
        kind: 'delegate',
        delegate: toBase64Url(reader.take(PARTICIPANT_BYTES)),
        delegateUntil: reader.u64(),
        delegateKey: reader.take(32),
        hostSignature: reader.take(64),
        signature: reader.take(64),
      }
    case 3:
      return { kind: 'personal', personalKey: reader.take(32), certificate: reader.take(64), signature: reader.take(64) }
    default:
      throw new RangeError('no kind of proof')
  }
}

function signedText({ room, participant, memberKey }: Candidate, role: Role, until: number): Bytes {
  return concat('preau admission v1', room, participantBytes(participant), Uint8Array.of(roleByte(role)), u64(until), memberKey)
}

/** A participant as it stands in what is signed. */
export function participantBytes(participant: ParticipantId): Bytes {
  const bytes = fromBase64Url(participant)
  if (bytes?.length !== PARTICIPANT_BYTES) throw new TypeError('not a participant')
  return bytes
}

function roleByte(role: Role): number {
  return ROLES.indexOf(role)
}

function isTimely(until: number, now: number): boolean {
  return until > now - TOLERANCE_SECONDS && until <= now + ADMISSION_SECONDS + TOLERANCE_SECONDS
}

function hmacKey(key: Bytes, use: KeyUsage): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, [use])
}

const ROLES: readonly Role[] = ['guest', 'moderator']
const CREDENTIAL_LABEL = 'preau member v1'
const PARTICIPANT_BYTES = 8
/** A day: the longest meeting. Longer: somebody who was let in once comes again by the same word. */
const ADMISSION_SECONDS = 24 * 3600
/** How far two clocks may differ: a time zone set wrong by half a day. */
const TOLERANCE_SECONDS = 12 * 3600

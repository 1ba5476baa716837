// What follows from the link of an encrypted room: keys of the circle, of the lobby, of one person,
// and the code that people see.

import { hostKeyOf } from '../host-key'
import { deriveGuestSecret, fromBase64Url, hkdf, type Link, type LinkEncryption, type RoomFlags, toBase64Url } from '../link'
import { type SigningKey, signingKeyOf, verifies } from '../signing-key'
import { type Bytes, concat, isSame, u32 } from './bytes'
import { ROOM_CODE_WORDS } from './room-code-words'

/** The 16 bytes of a room's slug. */
export function roomBytes(room: string): Bytes {
  const bytes = fromBase64Url(room)
  if (bytes?.length !== 16) throw new TypeError('not a room')
  return bytes
}

/** What the server knows of a room's encryption agrees with the link, or in what it does not. */
export type LinkFault =
  /** The link asks for encryption and the server says the room has none, or the other way round. */
  | 'not_encrypted'
  /** The room is said to be open, or raw, and the link says otherwise. */
  | 'other_flags'
  /** The host key that the server names is not the one of the link. */
  | 'other_host_key'

/** Compares what the server says with the link; `null` where both agree. */
export async function checkAgainstLink(
  link: Link,
  said: { readonly flags: RoomFlags; readonly hostKey: string } | null,
): Promise<LinkFault | null> {
  const { encryption } = link
  if (encryption === null) return said === null ? null : 'not_encrypted'
  if (said === null) return 'not_encrypted'
  if (encryption.open !== said.flags.open || encryption.raw !== said.flags.raw) return 'other_flags'
  const hostKey = fromBase64Url(said.hostKey)
  if (hostKey?.length !== 32) return 'other_host_key'
  return isSame(await fingerprintOf(hostKey), await linkFingerprint(link)) ? null : 'other_host_key'
}

/** First 16 bytes of SHA-256 of the host key. */
export async function fingerprintOf(hostKey: Bytes): Promise<Bytes> {
  return (await sha256(hostKey)).slice(0, 16)
}

/** The fingerprint that a link of an encrypted room holds, or that follows from it. */
export async function linkFingerprint({ encryption, secret }: Link): Promise<Bytes> {
  if (encryption === null) throw new TypeError('not the link of an encrypted room')
  return encryption.fingerprint ?? fingerprintOf((await hostKeyOf(secret)).publicKey)
}

/** The guest link of an encrypted room, for whoever holds the moderator link. */
export async function guestLink(moderator: Link, generation: number): Promise<Link> {
  return {
    room: moderator.room,
    role: 'guest',
    secret: await deriveGuestSecret(moderator.secret, generation),
    admission: null,
    encryption: await guestEncryption(moderator),
  }
}

/** A personal link of an encrypted room, certified by the host key. */
export async function personalLink(moderator: Link, generation: number, admission: Bytes): Promise<Link> {
  const guest = await guestLink(moderator, generation)
  if (guest.encryption === null) return { ...guest, admission }
  const certificate = await certifyPersonal(moderator.secret, moderator.room, admission)
  return { ...guest, admission, encryption: { ...guest.encryption, certificate } }
}

async function guestEncryption(moderator: Link): Promise<LinkEncryption | null> {
  const { encryption } = moderator
  if (encryption === null) return null
  return { ...encryption, fingerprint: await linkFingerprint(moderator), certificate: null }
}

/** The key of a personal link. */
export async function personalKeyOf(admission: Bytes): Promise<SigningKey> {
  return signingKeyOf(await hkdf(admission, concat('personal-key'), 32))
}

/** The host key's word that the key of a personal link is one: 64 bytes. */
export async function certifyPersonal(moderator: Bytes, room: string, admission: Bytes): Promise<Bytes> {
  const { publicKey } = await personalKeyOf(admission)
  return (await hostKeyOf(moderator)).sign(personalText(roomBytes(room), publicKey))
}

/** True where the host key certified the key of a personal link. */
export function isCertified(hostKey: Bytes, room: Bytes, personalKey: Bytes, certificate: Bytes): Promise<boolean> {
  return verifies(hostKey, certificate, personalText(room, personalKey))
}

function personalText(room: Bytes, personalKey: Bytes): Bytes {
  return concat('preau personal v1', room, personalKey)
}

/** The external PSK (RFC 9420, 8.4) of one generation of the guest link: 32 bytes. */
export function derivePsk(guestSecret: Bytes, room: string): Promise<Bytes> {
  return hkdf(guestSecret, concat('mls-psk', roomBytes(room)), 32)
}

/** By what name the circle knows the PSK of a generation. */
export function pskId(generation: number): Bytes {
  return concat(PSK_LABEL, u32(generation))
}

/** The generation of a PSK's name; `null` where it is none of ours. */
export function pskGeneration(id: Uint8Array): number | null {
  if (id.length !== PSK_LABEL.length + 4 || !isSame(id.subarray(0, PSK_LABEL.length), concat(PSK_LABEL))) return null
  return new DataView(id.buffer, id.byteOffset + PSK_LABEL.length, 4).getUint32(0)
}

/** The key by which the link alone admits, in open rooms: 32 bytes. */
export function deriveLobbyMacKey(guestSecret: Bytes, room: string): Promise<Bytes> {
  return hkdf(guestSecret, concat('admission', roomBytes(room)), 32)
}

/** A name as the lobby shows it to those who hold the link, as base64url. */
export async function sealLobbyName(guestSecret: Bytes, room: string, name: string): Promise<string> {
  const nonce = crypto.getRandomValues(new Uint8Array(12))
  const key = await lobbyNameKey(guestSecret, room, 'encrypt')
  const sealed = await crypto.subtle.encrypt(gcm(nonce), key, pad(name, 32))
  return toBase64Url(concat(nonce, new Uint8Array(sealed)))
}

/** The name in the lobby; `null` where it was sealed by another link, or is none. */
export async function openLobbyName(guestSecret: Bytes, room: string, sealed: string): Promise<string | null> {
  const bytes = fromBase64Url(sealed)
  if (bytes === null || bytes.length < 12) return null
  try {
    const key = await lobbyNameKey(guestSecret, room, 'decrypt')
    const plain = await crypto.subtle.decrypt(gcm(bytes.slice(0, 12)), key, bytes.slice(12))
    return new TextDecoder('utf-8', { fatal: true }).decode(plain).trimEnd()
  } catch {
    return null
  }
}

async function lobbyNameKey(guestSecret: Bytes, room: string, use: KeyUsage): Promise<CryptoKey> {
  const key = await hkdf(guestSecret, concat('lobby-name', roomBytes(room)), 16)
  return crypto.subtle.importKey('raw', key, 'AES-GCM', false, [use])
}

function gcm(iv: Bytes): AesGcmParams {
  return { name: 'AES-GCM', iv, additionalData: concat('preau lobby name v1') }
}

/** UTF-8, with spaces behind until a multiple of `block` bytes: lengths say less that way. */
export function pad(text: string, block: number): Bytes {
  const bytes = new TextEncoder().encode(text)
  const padded = new Uint8Array(Math.max(1, Math.ceil(bytes.length / block)) * block).fill(0x20)
  padded.set(bytes)
  return padded
}

/** What people compare where they want to: the same for all of a room's life. */
export interface RoomCode {
  /** Three French words. */
  readonly words: readonly [string, string, string]
  /** Six digits. */
  readonly digits: string
}

/** The code of a room and its host key. */
export async function roomCode(hostKey: Bytes, room: string): Promise<RoomCode> {
  const view = new DataView((await sha256(concat('preau room code v1', hostKey, roomBytes(room)))).buffer)
  const bits = view.getUint32(0)
  const word = (shift: number): string => ROOM_CODE_WORDS[(bits >>> shift) & 0x3ff] ?? ''
  return { words: [word(22), word(12), word(2)], digits: String(view.getUint32(4) % 1_000_000).padStart(6, '0') }
}

async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
}

const PSK_LABEL = 'preau link psk'

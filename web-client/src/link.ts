// Links and the secrets in them. The secret stands in the fragment, which browsers never send; the
// server sees only what is derived here.

/** Which of the two links of a room. */
export type LinkRole = 'guest' | 'moderator'

/** A room link, taken apart. */
export interface Link {
  /** Unguessable room name, 22 characters of base64url. */
  readonly room: string
  readonly role: LinkRole
  /** 16 random (moderator) or derived (guest) bytes. */
  readonly secret: Uint8Array<ArrayBuffer>
  /** Of a personal link: 16 random bytes of its own beside the guest secret; else `null`. */
  readonly admission: Uint8Array<ArrayBuffer> | null
  /** What the link promises of end-to-end encryption; `null` where it promises none. */
  readonly encryption: LinkEncryption | null
}

/** What an encrypted room's link says of the encryption: mandatory for whoever holds it, whatever the
 * server says. */
export interface LinkEncryption extends RoomFlags {
  /** First 16 bytes of SHA-256 of the host key; `null` in a moderator link, whose secret gives the key. */
  readonly fingerprint: Uint8Array<ArrayBuffer> | null
  /** Of a personal link: the host key's signature over the personal key; else `null`. */
  readonly certificate: Uint8Array<ArrayBuffer> | null
}

/** How an encrypted room works, for all its life. */
export interface RoomFlags {
  /** True where the link alone admits; else whoever holds no moderator link needs a signature. */
  readonly open: boolean
  /** True where whole frames of any codec are encrypted; see e2ee/codec.ts. */
  readonly raw: boolean
}

/** Secrets of a new room, and what the server may know of them. */
export interface RoomSecrets {
  readonly guest: Uint8Array<ArrayBuffer>
  readonly moderator: Uint8Array<ArrayBuffer>
  readonly guestVerifier: string
  readonly moderatorVerifier: string
}

/** Reads path and fragment of an address; `null` when either is cut or altered. */
export function parseLink(pathname: string, hash: string): Link | null {
  const room = /^\/r\/([\w-]{22})\/?$/.exec(pathname)?.[1]
  const [version = '', ...texts] = hash.startsWith('#') ? hash.slice(1).split('.') : []
  const word = /^(v1[pm]?)(?:(e)(o?)(r?))?$/.exec(version)
  const form = FORMS.find((one) => one.version === word?.[1])
  if (room === undefined || word === null || form === undefined || fromBase64Url(room) === null) return null
  const encrypted = word[2] !== undefined
  const lengths = encrypted ? form.encrypted : form.plain
  const parts = texts.map(fromBase64Url)
  if (parts.length !== lengths.length || parts.some((part, i) => part?.length !== lengths[i])) return null
  const [secret, ...more] = parts
  if (!secret) return null
  const admission = form.version === 'v1p' ? (more.shift() ?? null) : null
  const [fingerprint = null, certificate = null] = more
  const encryption = encrypted ? { open: word[3] === 'o', raw: word[4] === 'r', fingerprint, certificate } : null
  return { room, role: form.role, secret, admission, encryption }
}

/** Writes a link at `origin`. */
export function buildLink(origin: string, { room, role, secret, admission, encryption }: Link): string {
  const form = FORMS.find((one) => one.role === role && (one.version === 'v1p') === (admission !== null))
  if (form === undefined) throw new TypeError('a moderator link is nobody’s own')
  const flags = encryption === null ? '' : `e${encryption.open ? 'o' : ''}${encryption.raw ? 'r' : ''}`
  const proofs = [encryption?.fingerprint, encryption?.certificate]
  const parts = [secret, admission, ...(role === 'moderator' ? [] : proofs)].filter((part) => part != null)
  const lengths = encryption === null ? form.plain : form.encrypted
  if (parts.length !== lengths.length || parts.some((part, i) => part.length !== lengths[i])) {
    throw new TypeError('a link of this form has other parts')
  }
  return `${origin}/r/${room}#${[form.version + flags, ...parts.map(toBase64Url)].join('.')}`
}

/** Makes both secrets of a new room. Rejects where the page is no secure context. */
export async function makeRoomSecrets(): Promise<RoomSecrets> {
  const moderator = makeSecret()
  const guest = await deriveGuestSecret(moderator, 0)
  return {
    guest,
    moderator,
    guestVerifier: await deriveVerifier(await deriveProof(guest)),
    moderatorVerifier: await deriveVerifier(await deriveProof(moderator)),
  }
}

/** Guest secret of one generation of the guest link; the first is 0. */
export function deriveGuestSecret(
  moderator: Uint8Array<ArrayBuffer>,
  generation: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const info = new Uint8Array(GUEST_INFO.length + 4)
  info.set(GUEST_INFO)
  new DataView(info.buffer).setUint32(GUEST_INFO.length, generation)
  return hkdf(moderator, info, SECRET_BYTES)
}

/** What `join` shows to prove the link, as base64url. */
export async function deriveProof(secret: Uint8Array<ArrayBuffer>): Promise<string> {
  return toBase64Url(await hkdf(secret, AUTH_INFO, 32))
}

/** What `join` shows beside it to prove a personal link, as base64url. */
export async function deriveHandleProof(admission: Uint8Array<ArrayBuffer>): Promise<string> {
  return toBase64Url(await hkdf(admission, HANDLE_INFO, 32))
}

/** What the server stores to check a proof, as base64url. */
export async function deriveVerifier(proof: string): Promise<string> {
  const bytes = fromBase64Url(proof)
  if (bytes === null) throw new TypeError('not base64url')
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}

/** A secret that nobody can guess. */
export function makeSecret(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(SECRET_BYTES))
}

/** Reads a secret as it stands in a link; `null` when it is cut or altered. */
export function secretOf(text: string): Uint8Array<ArrayBuffer> | null {
  const bytes = fromBase64Url(text)
  return bytes?.length === SECRET_BYTES ? bytes : null
}

/** HKDF-SHA-256 (RFC 5869), with an empty salt unless another is given. */
export async function hkdf(
  secret: Uint8Array<ArrayBuffer>,
  info: Uint8Array<ArrayBuffer>,
  bytes: number,
  salt: Uint8Array<ArrayBuffer> = new Uint8Array(),
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits'])
  const params = { name: 'HKDF', hash: 'SHA-256', salt, info }
  return new Uint8Array(await crypto.subtle.deriveBits(params, key, bytes * 8))
}

/** As secrets stand in links, and all else in messages (RFC 4648, 5). */
export function toBase64Url(bytes: Uint8Array): string {
  const chars = Array.from(bytes, (byte) => String.fromCharCode(byte))
  const text = btoa(chars.join(''))
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** `null` for another alphabet, a cut text, or bits left over at its end: one spelling a value. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    const bytes = Uint8Array.from(
      atob(text.replaceAll('-', '+').replaceAll('_', '/')),
      (char) => char.charCodeAt(0),
    )
    return toBase64Url(bytes) === text ? bytes : null
  } catch {
    return null
  }
}

/** 128 bits: more cannot be guessed either, less could. */
const SECRET_BYTES = 16
const GUEST_INFO = new TextEncoder().encode('guest')
const AUTH_INFO = new TextEncoder().encode('auth')
const HANDLE_INFO = new TextEncoder().encode('handle')

const FINGERPRINT_BYTES = 16
const SIGNATURE_BYTES = 64

/** Each form of link has a word and a number of parts of its own, so that no link cut anywhere reads
 * as another one. The word of an encrypted room's link goes on with its flags. */
const FORMS = [
  { version: 'v1', role: 'guest', plain: [SECRET_BYTES], encrypted: [SECRET_BYTES, FINGERPRINT_BYTES] },
  {
    version: 'v1p',
    role: 'guest',
    plain: [SECRET_BYTES, SECRET_BYTES],
    encrypted: [SECRET_BYTES, SECRET_BYTES, FINGERPRINT_BYTES, SIGNATURE_BYTES],
  },
  { version: 'v1m', role: 'moderator', plain: [SECRET_BYTES], encrypted: [SECRET_BYTES] },
] as const

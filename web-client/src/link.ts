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
  const [version, ...parts] = hash.startsWith('#') ? hash.slice(1).split('.') : []
  const form = FORMS.find((one) => one.version === version)
  if (room === undefined || form === undefined || parts.length !== form.parts) return null
  const [secret, admission] = parts.map(secretOf)
  if (!secret || admission === null || fromBase64Url(room) === null) return null
  return { room, role: form.role, secret, admission: admission ?? null }
}

/** Writes a link at `origin`. */
export function buildLink(origin: string, { room, role, secret, admission }: Link): string {
  const parts = admission === null ? [secret] : [secret, admission]
  const form = FORMS.find((one) => one.role === role && one.parts === parts.length)
  if (form === undefined) throw new TypeError('a moderator link is nobody’s own')
  return `${origin}/r/${room}#${[form.version, ...parts.map(toBase64Url)].join('.')}`
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

/** HKDF-SHA-256 (RFC 5869) with an empty salt. */
export async function hkdf(
  secret: Uint8Array<ArrayBuffer>,
  info: Uint8Array<ArrayBuffer>,
  bytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits'])
  const params = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info }
  return new Uint8Array(await crypto.subtle.deriveBits(params, key, bytes * 8))
}

/** As secrets stand in links, and all else in messages (RFC 4648, 5). */
export function toBase64Url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes))
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

/** Each form of link has a word and a number of parts of its own, so that no link cut anywhere reads
 * as another one. */
const FORMS = [
  { version: 'v1', role: 'guest', parts: 1 },
  { version: 'v1p', role: 'guest', parts: 2 },
  { version: 'v1m', role: 'moderator', parts: 1 },
] as const

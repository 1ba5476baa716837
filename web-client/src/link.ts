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
  const fragment = /^#(v1m?)\.([\w-]{22})$/.exec(hash)
  if (room === undefined || fragment === null) return null
  const secret = fromBase64Url(fragment[2] ?? '')
  if (secret?.length !== SECRET_BYTES || fromBase64Url(room) === null) return null
  return { room, role: fragment[1] === 'v1m' ? 'moderator' : 'guest', secret }
}

/** Writes a link at `origin`. */
export function buildLink(origin: string, link: Link): string {
  const version = link.role === 'moderator' ? 'v1m' : 'v1'
  return `${origin}/r/${link.room}#${version}.${toBase64Url(link.secret)}`
}

/** Makes both secrets of a new room. Rejects where the page is no secure context. */
export async function makeRoomSecrets(): Promise<RoomSecrets> {
  const moderator = crypto.getRandomValues(new Uint8Array(SECRET_BYTES))
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

/** What the server stores to check a proof, as base64url. */
export async function deriveVerifier(proof: string): Promise<string> {
  const bytes = fromBase64Url(proof)
  if (bytes === null) throw new TypeError('not base64url')
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}

/** HKDF-SHA-256 (RFC 5869) with an empty salt. */
async function hkdf(
  secret: Uint8Array<ArrayBuffer>,
  info: Uint8Array<ArrayBuffer>,
  bytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits'])
  const params = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info }
  return new Uint8Array(await crypto.subtle.deriveBits(params, key, bytes * 8))
}

function toBase64Url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes))
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** `null` for another alphabet, a cut text, or bits left over at its end: one spelling a value. */
function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
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

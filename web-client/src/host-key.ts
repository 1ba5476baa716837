// The host key: an Ed25519 pair that follows from the moderator link's secret. Its word makes
// somebody else a moderator; the secret itself is handed to nobody.

import { fromBase64Url, hkdf, toBase64Url } from './link'
import type { Delegation } from './protocol/generated'

/** What the server keeps to check the host key's word, as base64url; `null` in a browser without
 * Ed25519: the role cannot be passed on in rooms that are made there. */
export async function deriveHostKey(moderator: Uint8Array<ArrayBuffer>): Promise<string | null> {
  try {
    const { x } = await crypto.subtle.exportKey('jwk', await signingKey(moderator, true))
    return x ?? null
  } catch {
    return null
  }
}

/** The host key's word that `participant` of `room` is a moderator until `expiresAt` (seconds since
 * 1970); `null` in a browser without Ed25519. */
export async function signDelegation(
  moderator: Uint8Array<ArrayBuffer>,
  room: string,
  participant: string,
  expiresAt: number,
): Promise<Delegation | null> {
  const [roomBytes, participantBytes] = [fromBase64Url(room), fromBase64Url(participant)]
  if (roomBytes === null || participantBytes === null) return null
  const expiry = new Uint8Array(8)
  new DataView(expiry.buffer).setBigUint64(0, BigInt(expiresAt))
  const signed = Uint8Array.from([...LABEL, ...roomBytes, ...participantBytes, ...expiry])
  try {
    const signature = await crypto.subtle.sign('Ed25519', await signingKey(moderator, false), signed)
    return { expiresAt, signature: toBase64Url(new Uint8Array(signature)) }
  } catch {
    return null
  }
}

async function signingKey(moderator: Uint8Array<ArrayBuffer>, extractable: boolean): Promise<CryptoKey> {
  const seed = await hkdf(moderator, HOST_KEY_INFO, 32)
  const pkcs8 = Uint8Array.from([...PKCS8_PREFIX, ...seed])
  return crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', extractable, ['sign'])
}

/** How long a delegation can be shown, in seconds: as long as a session token. Longer than a school
 * day would make a moderator of somebody the teacher has long forgotten. */
export const DELEGATION_SECONDS = 12 * 3600

const LABEL = new TextEncoder().encode('preau delegation v1')
const HOST_KEY_INFO = new TextEncoder().encode('host-key')
/** What stands before the seed in a PKCS #8 key of Ed25519 (RFC 8410, section 7). */
const PKCS8_PREFIX = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]

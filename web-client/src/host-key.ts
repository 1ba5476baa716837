// The host key: an Ed25519 pair that follows from the moderator link's secret. Its word makes
// somebody else a moderator; the secret itself is handed to nobody.

import { fromBase64Url, hkdf, toBase64Url } from './link'
import type { Delegation } from './protocol/generated'
import { type SigningKey, signingKeyOf } from './signing-key'

/** The host key itself, for whoever holds the moderator link. Rejects in a browser without Ed25519. */
export async function hostKeyOf(moderator: Uint8Array<ArrayBuffer>): Promise<SigningKey> {
  return signingKeyOf(await hkdf(moderator, HOST_KEY_INFO, 32))
}

/** What the server keeps to check the host key's word, as base64url; `null` in a browser without
 * Ed25519: the role cannot be passed on in rooms that are made there. */
export async function deriveHostKey(moderator: Uint8Array<ArrayBuffer>): Promise<string | null> {
  try {
    return toBase64Url((await hostKeyOf(moderator)).publicKey)
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
    const host = await hostKeyOf(moderator)
    return { expiresAt, signature: toBase64Url(await host.sign(signed)) }
  } catch {
    return null
  }
}

/** How long a delegation can be shown, in seconds: as long as a session token. Longer than a school
 * day would make a moderator of somebody the teacher has long forgotten. */
export const DELEGATION_SECONDS = 12 * 3600

const LABEL = new TextEncoder().encode('preau delegation v1')
const HOST_KEY_INFO = new TextEncoder().encode('host-key')

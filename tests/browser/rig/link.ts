import { createHash, createPrivateKey, createPublicKey, hkdfSync, randomBytes } from 'node:crypto'

/** Both links of a room, taken apart. Made here independently of the web client, from the rules. */
export interface RoomLinks {
  room: string
  guestSecret: string
  moderatorSecret: string
}

/** HKDF-SHA-256 (RFC 5869) with an empty salt. */
function derive(secret: Buffer, info: Buffer, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), info, bytes))
}

/** The guest secret of `generation` under a moderator secret. */
export function guestSecretOf(moderatorSecret: string, generation = 0): string {
  const number = Buffer.alloc(4)
  number.writeUInt32BE(generation)
  const info = Buffer.concat([Buffer.from('guest'), number])
  return derive(Buffer.from(moderatorSecret, 'base64url'), info, 16).toString('base64url')
}

/** What a browser shows the server to prove that it holds a link. */
export function proofOf(secret: string): string {
  return derive(Buffer.from(secret, 'base64url'), Buffer.from('auth'), 32).toString('base64url')
}

/** What the server keeps of a link. */
export function verifierOf(secret: string): string {
  return createHash('sha256').update(Buffer.from(proofOf(secret), 'base64url')).digest('base64url')
}

/** Public half of the host key (Ed25519) under a moderator secret. */
export function hostKeyOf(moderatorSecret: string): string {
  const seed = derive(Buffer.from(moderatorSecret, 'base64url'), Buffer.from('host-key'), 32)
  // RFC 8410, section 7.
  const key = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const { x } = createPublicKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' })).export({ format: 'jwk' })
  return String(x)
}

/** Path and fragment of both links of a room that is encrypted so. */
export function encryptedPaths(links: RoomLinks, { open, raw }: { open: boolean; raw: boolean }): { guest: string; moderator: string } {
  const flags = `e${open ? 'o' : ''}${raw ? 'r' : ''}`
  const print = fingerprintOf(hostKeyOf(links.moderatorSecret))
  return {
    guest: `/r/${links.room}#v1${flags}.${links.guestSecret}.${print}`,
    moderator: `/r/${links.room}#v1m${flags}.${links.moderatorSecret}`,
  }
}

/** What the guest link of an encrypted room holds of the host key. */
export function fingerprintOf(hostKey: string): string {
  return createHash('sha256').update(Buffer.from(hostKey, 'base64url')).digest().subarray(0, 16).toString('base64url')
}

/** A secret nobody else has. */
export function freshSecret(): string {
  return randomBytes(16).toString('base64url')
}

/** Path and fragment of the guest link. */
export function guestPath(links: RoomLinks): string {
  return `/r/${links.room}#v1.${links.guestSecret}`
}

/** What the server keeps of a personal link. */
export function handleOf(admission: string): string {
  const proof = derive(Buffer.from(admission, 'base64url'), Buffer.from('handle'), 32)
  return createHash('sha256').update(proof).digest('base64url')
}

/** Path and fragment of the moderator link. */
export function moderatorPath(links: RoomLinks): string {
  return `/r/${links.room}#v1m.${links.moderatorSecret}`
}

/** Where the rules of a room start. */
export type Profile = 'classe' | 'sensible' | 'reunion' | 'audio'

/** Makes a room over HTTP, as a script would: everybody enters at once unless said otherwise, and
 * nothing is end-to-end encrypted, so that scripts can take part. */
export async function createRoom(
  origin: string,
  profile: Profile = 'reunion',
  encryption: { open: boolean; raw: boolean } | null = null,
): Promise<RoomLinks> {
  const moderatorSecret = freshSecret()
  const guestSecret = guestSecretOf(moderatorSecret)
  const answer = await fetch(`${origin}/api/rooms`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      guestVerifier: verifierOf(guestSecret),
      moderatorVerifier: verifierOf(moderatorSecret),
      hostKey: hostKeyOf(moderatorSecret),
      profile,
      encryption,
    }),
  })
  if (answer.status !== 201) throw new Error(`POST /api/rooms: ${answer.status} ${await answer.text()}`)
  const body = (await answer.json()) as { room: string }
  return { room: body.room, guestSecret, moderatorSecret }
}

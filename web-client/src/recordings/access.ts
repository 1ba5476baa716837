// By what right a page looks at recordings: the moderator link of a room, or a link that opens one
// recording. Like the links of rooms, both stand in the fragment, which browsers never send.

import { deriveProof, fromBase64Url, type Link, secretOf, toBase64Url } from '../link'

/** What the address of the page of recordings gives access to. */
export type Access = ModeratorAccess | GrantAccess

/** Every recording of a room. */
export interface ModeratorAccess {
  readonly kind: 'moderator'
  readonly room: string
  readonly secret: Uint8Array<ArrayBuffer>
}

/** One recording. */
export interface GrantAccess {
  readonly kind: 'grant'
  readonly recording: string
  /** What the server knows the grant by. */
  readonly secret: Uint8Array<ArrayBuffer>
  /** What opens the recording's files; see recording-key.ts. */
  readonly key: Uint8Array<ArrayBuffer>
}

/** Reads the fragment of an address; `null` when it is cut or altered. */
export function parseAccess(hash: string): Access | null {
  const [form, ...parts] = hash.startsWith('#') ? hash.slice(1).split('.') : []
  if (form === 'v1m' && parts.length === 2) {
    const [room = '', text = ''] = parts
    const secret = secretOf(text)
    return secret === null || secretOf(room) === null ? null : { kind: 'moderator', room, secret }
  }
  if (form === 'v1g' && parts.length === 3) {
    const [recording = '', text = '', keyText = ''] = parts
    const secret = secretOf(text)
    const key = fromBase64Url(keyText)
    if (secret === null || secretOf(recording) === null || key?.length !== GRANT_KEY_BYTES) return null
    return { kind: 'grant', recording, secret, key }
  }
  return null
}

/** The address of a room's recordings, for whoever holds its moderator link. */
export function recordingsLink({ room, secret }: Pick<Link, 'room' | 'secret'>): string {
  return `${PATH}#v1m.${room}.${toBase64Url(secret)}`
}

/** The link that opens one recording, at `origin`. */
export function grantLink(origin: string, { recording, secret, key }: Omit<GrantAccess, 'kind'>): string {
  return `${origin}${PATH}#v1g.${recording}.${toBase64Url(secret)}.${toBase64Url(key)}`
}

/** What the server is shown, with every question. */
export async function credentialsOf(access: Access): Promise<Readonly<Record<string, string>>> {
  const proof = await deriveProof(access.secret)
  return access.kind === 'moderator' ? { 'preau-room': access.room, 'preau-proof': proof } : { 'preau-grant': proof }
}

const PATH = '/recordings'
const GRANT_KEY_BYTES = 32

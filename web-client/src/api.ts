// The plain HTTP questions a page asks its own server.

import type { CreatedRoom, CreateRoom, DoctorReport, ErrorCode, Profile, ServerInfo } from './protocol/generated'
import { type EncryptionProblem, whyNoEncryption } from './e2ee/support'
import { deriveHostKey } from './host-key'
import { buildLink, type Link, makeRoomSecrets, type RoomFlags } from './link'

/** Both links of a new room. */
export interface RoomLinks {
  /** For pupils, at an address that other devices can reach. */
  readonly guest: string
  /** For the teacher, at an address that other devices can reach. */
  readonly moderator: string
  /** The moderator link on this very origin, for the "enter" button. */
  readonly enter: string
  /** True when the links use another origin than this page's (it was opened on `localhost`). */
  readonly otherOrigin: boolean
  /** When the room ends. */
  readonly expiresAt: Date
  readonly profile: Profile
  /** The moderator link, taken apart. */
  readonly link: Link
}

/** Why a question to the server has no good answer. */
export class ApiError extends Error {
  constructor(readonly code: ErrorCode | 'server_unreachable' | 'insecure_context' | EncryptionProblem) {
    super(code)
  }
}

/** What the server says of itself. Rejects with `ApiError`. */
export async function fetchServerInfo(): Promise<ServerInfo> {
  return (await ask('/api/server', { method: 'GET' })) as ServerInfo
}

/** What `preau doctor` says of the server, for the holder of a link to it. Rejects with `ApiError`;
 * `not_allowed` when the link is no good any more. */
export async function fetchDoctorReport(pass: string, language: string): Promise<DoctorReport> {
  const headers = { authorization: `Bearer ${pass}`, 'accept-language': language }
  return (await ask('/api/doctor', { method: 'GET', headers })) as DoctorReport
}

/** Where links of this server lead that other devices can reach: they cannot reach `localhost`, and
 * the server knows an address they can. */
export async function shareOrigin(): Promise<string> {
  const info = isLoopback(location.hostname) ? await fetchServerInfo().catch(() => null) : null
  return info?.shareOrigin ?? location.origin
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}

/** How a room made by one click is encrypted. A class admits person by person; in a meeting between
 * adults the link is enough. */
export function flagsOf(profile: Profile): RoomFlags {
  return { open: profile === 'reunion' || profile === 'audio', raw: false }
}

/**
 * Makes the secrets in this browser, has the server make the room from their verifiers, and
 * returns the links. Rejects with `ApiError`; `host_pass_required` when a pass is missing or wrong.
 */
export async function createRoom(profile: Profile, encryption: RoomFlags | null, hostPass: string | null): Promise<RoomLinks> {
  const problem = encryption === null ? null : await whyNoEncryption(encryption)
  if (problem !== null) throw new ApiError(problem)
  const info = await fetchServerInfo()
  const secrets = await makeRoomSecrets().catch(() => {
    throw new ApiError('insecure_context')
  })
  const body: CreateRoom = {
    guestVerifier: secrets.guestVerifier,
    moderatorVerifier: secrets.moderatorVerifier,
    hostKey: await deriveHostKey(secrets.moderator),
    profile,
    encryption,
  }
  const created = (await ask('/api/rooms', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(hostPass === null ? {} : { authorization: `Bearer ${hostPass}` }),
    },
    body: JSON.stringify(body),
  })) as CreatedRoom
  const link: Link = {
    room: created.room,
    role: 'moderator',
    secret: secrets.moderator,
    admission: null,
    encryption: encryption === null ? null : { ...encryption, fingerprint: null, certificate: null },
  }
  const { guestLink } = await import('./e2ee/link-keys')
  const origin = info.shareOrigin ?? location.origin
  return {
    guest: buildLink(origin, await guestLink(link, 0)),
    moderator: buildLink(origin, link),
    enter: buildLink(location.origin, link),
    otherOrigin: origin !== location.origin,
    expiresAt: new Date(created.expiresAt * 1000),
    profile,
    link,
  }
}

async function ask(path: string, init: RequestInit): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(path, { ...init, credentials: 'omit', cache: 'no-store' })
  } catch {
    throw new ApiError('server_unreachable')
  }
  const body: unknown = await response.json().catch(() => null)
  if (response.ok && body !== null) return body
  const code =
    typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string'
      ? (body.code as ErrorCode)
      : 'server_unreachable'
  throw new ApiError(code)
}

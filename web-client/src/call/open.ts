// From an address to a call. Reads the link and looks at the browser; nothing is sent.

import { fetchServerInfo } from '../api'
import { buildLink, deriveGuestSecret, type Link, parseLink } from '../link'
import { LiveCall } from './live'
import type { Problem } from './state'
import type { Call } from './store'

/** Opens the call an address means; one that cannot be joined says why in its state. */
export function openCall(pathname: string, hash: string): Call {
  const link = parseLink(pathname, hash)
  const problem = link === null ? 'link_incomplete' : problemOfBrowser()
  const call = new LiveCall(link ?? NO_LINK)
  if (problem !== null) call.refuse(problem)
  else if (link !== null) void showGuestLink(call, link)
  return call
}

/** Why this browser cannot take part, or `null`. */
export function problemOfBrowser(): Problem | null {
  // Absent in old browsers and outside secure contexts, whatever the types say.
  if (!isSecureContext || (crypto.subtle as SubtleCrypto | undefined) === undefined) return 'insecure_context'
  return 'RTCPeerConnection' in globalThis && 'WebSocket' in globalThis ? null : 'browser_unsupported'
}

async function showGuestLink(call: LiveCall, link: Link): Promise<void> {
  const secret = link.role === 'guest' ? link.secret : await deriveGuestSecret(link.secret, 0)
  // Other devices cannot reach `localhost`; the server knows an address they can.
  const info = isLoopback(location.hostname) ? await fetchServerInfo().catch(() => null) : null
  call.guestLink.value = buildLink(info?.shareOrigin ?? location.origin, { ...link, role: 'guest', secret })
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}

const NO_LINK: Link = { room: '', role: 'guest', secret: new Uint8Array() }

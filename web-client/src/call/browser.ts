import type { Problem } from './state'

/** Why this browser cannot take part in any room, or `null`. */
export function problemOfBrowser(): Problem | null {
  // Absent in old browsers and outside secure contexts, whatever the types say.
  if (!isSecureContext || (crypto.subtle as SubtleCrypto | undefined) === undefined) return 'insecure_context'
  return 'RTCPeerConnection' in globalThis && 'WebSocket' in globalThis ? null : 'browser_unsupported'
}

// From an address to a call. Reads the link and looks at the browser; nothing is sent.

import { shareOrigin } from '../api'
import { whyNoEncryption } from '../e2ee/support'
import { type Link, parseLink } from '../link'
import { LiveCall } from './live'
import type { Problem } from './state'
import type { Call } from './store'

/** Opens the call an address means; one that cannot be joined says why in its state. */
export function openCall(pathname: string, hash: string): Call {
  const link = parseLink(pathname, hash)
  const problem = link === null ? 'link_incomplete' : problemOfBrowser()
  const call = new LiveCall(link ?? NO_LINK)
  if (problem !== null) call.refuse(problem)
  else {
    // Said before anything is sent; and `prepare` rejects where somebody was faster.
    if (link?.encryption != null) {
      void whyNoEncryption(link.encryption).then((lack) => {
        if (lack !== null) call.refuse(lack)
      })
    }
    void shareOrigin().then((origin) => {
      call.setOrigin(origin)
    })
  }
  return call
}

/** Why this browser cannot take part, or `null`. */
export function problemOfBrowser(): Problem | null {
  // Absent in old browsers and outside secure contexts, whatever the types say.
  if (!isSecureContext || (crypto.subtle as SubtleCrypto | undefined) === undefined) return 'insecure_context'
  return 'RTCPeerConnection' in globalThis && 'WebSocket' in globalThis ? null : 'browser_unsupported'
}

const NO_LINK: Link = { room: '', role: 'guest', secret: new Uint8Array(), admission: null, encryption: null }

// From a link to a call, fetched by pages of rooms alone. Nothing is sent.

import { shareOrigin } from '../api'
import { whyNoEncryption } from '../e2ee/support'
import type { Link } from '../link'
import { LiveCall } from './live'
import type { Call } from './store'

/** Opens the call of a link; one that cannot be joined says why in its state. */
export function openCall(link: Link): Call {
  const call = new LiveCall(link)
  // Said before anything is sent; and `prepare` rejects where somebody was faster.
  if (link.encryption !== null) {
    void whyNoEncryption(link.encryption).then((lack) => {
      if (lack !== null) call.refuse(lack)
    })
  }
  void shareOrigin().then((origin) => {
    call.setOrigin(origin)
  })
  return call
}

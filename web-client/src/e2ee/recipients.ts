// Whose keys open a recording of an encrypted room: the host key signs their list, so that the server
// can add nobody to it. Everybody who is asked checks it before their yes.

import { hostKeyOf } from '../host-key'
import { fromBase64Url, toBase64Url } from '../link'
import type { RecordingInfo } from '../protocol/generated'
import { verifies } from '../signing-key'
import { type Bytes, concat, u16 } from './bytes'
import { roomBytes } from './link-keys'

/** The host key's word on the keys that a recording is sealed to, in this order, as base64url. */
export async function signRecipients(
  moderator: Bytes,
  room: string,
  recording: string,
  recipients: readonly string[],
): Promise<string> {
  const host = await hostKeyOf(moderator)
  return toBase64Url(await host.sign(await signedText(room, recording, recipients)))
}

/** True where the host key of the link signed the very list that was told. */
export async function areRecipientsSigned(
  hostKey: Bytes,
  room: string,
  { recording, recipients, recipientsSignature }: Pick<RecordingInfo, 'recording' | 'recipients' | 'recipientsSignature'>,
): Promise<boolean> {
  const signature = recipientsSignature === null ? null : fromBase64Url(recipientsSignature)
  if (signature === null) return false
  return verifies(hostKey, signature, await signedText(room, recording, recipients.map(({ key }) => key)))
}

async function signedText(room: string, recording: string, recipients: readonly string[]): Promise<Bytes> {
  const list = concat(...recipients.flatMap((key) => [u16(new TextEncoder().encode(key).length), key]))
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', list))
  return concat('preau recipients v1', roomBytes(room), roomBytes(recording), hash)
}

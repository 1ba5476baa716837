// What is asked of everybody before a recording of an encrypted room: the host key signs all of it, so
// that the server can neither add a key or a name nor tell anybody other words. Everybody who is asked
// checks it before their yes. What whoever starts was told of the establishment's keys came from the
// server: that its list is good, the signature does not say.

import { hostKeyOf } from '../host-key'
import { fromBase64Url, toBase64Url } from '../link'
import type { RecordingInfo } from '../protocol/generated'
import { verifies } from '../signing-key'
import { participantBytes } from './admission'
import { type Bytes, concat, u16 } from './bytes'
import { roomBytes } from './link-keys'

/** What is signed of a recording. */
export type Asked = Pick<RecordingInfo, 'recording' | 'terms' | 'recipients' | 'askedBy'>

/** The host key's word on who asks for what: purpose, days, audience and the keys, in this order, under
 * these names. As base64url. */
export async function signRecording(moderator: Bytes, room: string, asked: Asked): Promise<string> {
  const host = await hostKeyOf(moderator)
  return toBase64Url(await host.sign(await signedText(room, asked)))
}

/** True where the host key of the link signed the very words that were told. */
export async function isRecordingSigned(
  hostKey: Bytes,
  room: string,
  { recipientsSignature, ...asked }: Asked & Pick<RecordingInfo, 'recipientsSignature'>,
): Promise<boolean> {
  const signature = recipientsSignature === null ? null : fromBase64Url(recipientsSignature)
  if (signature === null) return false
  // Words that cannot be signed at all are not signed.
  const text = await signedText(room, asked).catch(() => null)
  return text !== null && verifies(hostKey, signature, text)
}

async function signedText(room: string, { recording, terms, recipients, askedBy }: Asked): Promise<Bytes> {
  const { purpose, details, retentionDays, audience } = terms
  const words = [purpose, details, String(retentionDays), audience, ...recipients.flatMap(({ name, key }) => [name ?? '', key])]
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', concat(...words.flatMap(withLength))))
  return concat('preau recording v1', roomBytes(room), roomBytes(recording), participantBytes(askedBy), hash)
}

/** So that no two lists have the same bytes. */
function withLength(word: string): [Bytes, Bytes] {
  const bytes = new TextEncoder().encode(word)
  return [u16(bytes.length), bytes]
}

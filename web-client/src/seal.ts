// Seals a text for readers by their public keys, in this browser: with the format and the tools of age
// (age-encryption.org), so that a reader needs nothing of ours to open it.

import { Encrypter } from 'age-encryption'

/** The sealed text, an age file as base64 (RFC 4648, section 4). Rejects where `recipient` is none. */
export async function seal(text: string, recipient: string): Promise<string> {
  const file = await sealTo(text, [recipient])
  return btoa(Array.from(file, (byte) => String.fromCharCode(byte)).join(''))
}

/** The sealed text, an age file that each of these opens. Rejects where one is none. */
export async function sealTo(text: string, recipients: readonly string[]): Promise<Uint8Array> {
  const encrypter = new Encrypter()
  for (const recipient of recipients) encrypter.addRecipient(recipient)
  return encrypter.encrypt(text)
}

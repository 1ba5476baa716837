// Seals a text for one reader by their public key, in this browser: with the format and the tools
// of age (age-encryption.org), so that the reader needs nothing of ours to open it.

import { Encrypter } from 'age-encryption'

/** The sealed text, an age file as base64 (RFC 4648, section 4). Rejects where `recipient` is none. */
export async function seal(text: string, recipient: string): Promise<string> {
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  const file = await encrypter.encrypt(text)
  return btoa(Array.from(file, (byte) => String.fromCharCode(byte)).join(''))
}

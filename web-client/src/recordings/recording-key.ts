// The key of one recording: an age identity that follows from the moderator link and from nothing
// else. It opens that recording alone, so it can be handed on without opening another.

import { bech32 } from '@scure/base'
import { identityToRecipient } from 'age-encryption'
import { hkdf } from '../link'

/** The 32 bytes that open the recording named by these 16. */
export function deriveRecordingKey(
  moderator: Uint8Array<ArrayBuffer>,
  recording: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  return hkdf(moderator, INFO, KEY_BYTES, recording)
}

/** The key as the age tools write it. */
export function identityOf(key: Uint8Array): string {
  return bech32.encodeFromBytes('AGE-SECRET-KEY-', key).toUpperCase()
}

/** The public half, to which every file is sealed. */
export function recipientOf(key: Uint8Array): Promise<string> {
  return identityToRecipient(identityOf(key))
}

/** Bytes of a key. */
export const KEY_BYTES = 32
const INFO = new TextEncoder().encode('preau recording key v1')

// Words for some alone. Everybody has the keys of what the circle says, so the server could show such
// words to anybody: they have a key of their own, sealed to each of those who may read them.

import { fromBase64Url } from '../link'
import type { SayAudience } from '../protocol/generated'
import type { ParticipantId } from './admission'
import type { Bytes } from './bytes'
import { decodeJson, encodeJson, MAX_RECIPIENTS, type SealedWords } from './messages'
import { type AudiencePair, openWordsKey, sealWordsKey } from './narrow'

/** Those who may read something, with their audience keys. */
export type Recipients = ReadonlyMap<ParticipantId, Bytes>

/** Seals what `sender` says. Throws `RangeError` where it is too long, or for too many. */
export async function sealWords(sender: ParticipantId, to: SayAudience, words: object, recipients: Recipients): Promise<SealedWords> {
  if (recipients.size > MAX_RECIPIENTS) throw new RangeError('for too many')
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES))
  const from = bytesOf(sender)
  const keys = await Promise.all(
    [...recipients].map(async ([participant, publicKey]) => {
      // A key that is none, as anybody can put into their leaf, keeps the words from nobody else.
      const own = await sealWordsKey(publicKey, from, key).catch(() => null)
      return own === null ? null : { participant, ...own }
    }),
  )
  const body = await crypto.subtle.encrypt(gcm(to), await importKey(key, 'encrypt'), encodeJson(words))
  return { t: 'sealed', to, keys: keys.filter((one) => one !== null), body: new Uint8Array(body) }
}

/** What `sender` said to some, `self` among them; `null` where it is for others, or not theirs. */
export async function openWords(pair: AudiencePair, self: ParticipantId, sender: ParticipantId, words: SealedWords): Promise<unknown> {
  const own = words.keys.find(({ participant }) => participant === self)
  const key = own === undefined ? null : await openWordsKey(pair, bytesOf(sender), own.enc, own.ct)
  if (key === null) return null
  try {
    return decodeJson(new Uint8Array(await crypto.subtle.decrypt(gcm(words.to), await importKey(key, 'decrypt'), words.body)))
  } catch {
    return null
  }
}

/** True where both are the same people. */
export function isSameAudience(a: SayAudience, b: SayAudience): boolean {
  return nameOf(a) === nameOf(b)
}

function nameOf(audience: SayAudience): string {
  return typeof audience === 'object' ? audience.one : audience
}

/** Each key is drawn for one body, so the nonce need not differ. */
function gcm(to: SayAudience) {
  return { name: 'AES-GCM', iv: new Uint8Array(NONCE_BYTES), additionalData: new TextEncoder().encode(nameOf(to)) }
}

function importKey(key: Bytes, use: 'encrypt' | 'decrypt'): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', key, 'AES-GCM', false, [use])
}

function bytesOf(participant: ParticipantId): Bytes {
  return fromBase64Url(participant) ?? new Uint8Array()
}

const KEY_BYTES = 16
const NONCE_BYTES = 12

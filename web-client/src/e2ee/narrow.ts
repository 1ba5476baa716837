// What is meant for some alone: roots of narrow levels, keys of words, and ballots. HPKE (RFC 9180) in base mode with
// X25519, HKDF-SHA-256 and AES-128-GCM.

import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import { fromBase64Url, hkdf, toBase64Url } from '../link'
import { type Bytes, concat, u32 } from './bytes'

/** An X25519 pair. */
export interface AudiencePair {
  /** 32 bytes. */
  readonly privateKey: Bytes
  readonly publicKey: Bytes
}

/** Draws a pair: the audience key of a page, or that of a delegate's question. */
export function drawPair(): Promise<AudiencePair> {
  return pairOf(crypto.getRandomValues(new Uint8Array(KEY_BYTES)))
}

/** The pair of a private key. */
export async function pairOf(privateKey: Bytes): Promise<AudiencePair> {
  // The public key is the private one times the base point (RFC 7748, 6.1), which WebCrypto tells as JWK.
  const pkcs8 = Uint8Array.from([...PKCS8_PREFIX, ...privateKey])
  const { x = '' } = await crypto.subtle.exportKey('jwk', await crypto.subtle.importKey('pkcs8', pkcs8, 'X25519', true, ['deriveBits']))
  const publicKey = fromBase64Url(x)
  if (publicKey === null) throw new TypeError('no public key')
  return { privateKey, publicKey }
}

/** The pair that ballots of a question are sealed to: it follows from the moderator link, so that any
 * page that holds it can close the question. */
export async function pollPair(moderator: Bytes, room: Bytes, nonce: Bytes): Promise<AudiencePair> {
  return pairOf(await hkdf(moderator, concat('poll', room, nonce), KEY_BYTES))
}

/** A root, sealed to one of those it is for. */
export function sealRoot(publicKey: Bytes, level: 1 | 2, root: Bytes): Promise<{ readonly enc: Bytes; readonly ct: Bytes }> {
  return seal(publicKey, concat('preau narrow v1', Uint8Array.of(level)), root)
}

/** Opens a root; `null` where it is for somebody else, or is none. */
export async function openRoot(pair: AudiencePair, level: 1 | 2, enc: Bytes, ct: Bytes): Promise<Bytes | null> {
  const root = await open(pair, concat('preau narrow v1', Uint8Array.of(level)), enc, ct)
  return root?.length === ROOT_BYTES ? root : null
}

/** The key of a member's words, sealed to one of those they are for. */
export function sealWordsKey(publicKey: Bytes, sender: Bytes, key: Bytes): Promise<{ readonly enc: Bytes; readonly ct: Bytes }> {
  return seal(publicKey, concat('preau words v1', sender), key)
}

/** Opens the key of words; `null` where they are for somebody else, or of somebody else. */
export async function openWordsKey(pair: AudiencePair, sender: Bytes, enc: Bytes, ct: Bytes): Promise<Bytes | null> {
  const key = await open(pair, concat('preau words v1', sender), enc, ct)
  return key?.length === ROOT_BYTES ? key : null
}

/** A ballot, as base64url: nobody sees from it what was chosen, nor whose it is. */
export async function sealBallot(publicKey: Bytes, poll: number, choice: number): Promise<string> {
  const plain = new Uint8Array(BALLOT_BYTES)
  plain[0] = choice
  const { enc, ct } = await seal(publicKey, concat('preau ballot v1', u32(poll)), plain)
  return toBase64Url(concat(enc, ct))
}

/** What a ballot chooses; `null` where it is none of this question. */
export async function openBallot(pair: AudiencePair, poll: number, ballot: string): Promise<number | null> {
  const bytes = fromBase64Url(ballot)
  if (bytes?.length !== KEY_BYTES + BALLOT_BYTES + TAG_BYTES) return null
  const plain = await open(pair, concat('preau ballot v1', u32(poll)), bytes.slice(0, KEY_BYTES), bytes.slice(KEY_BYTES))
  return plain?.length === BALLOT_BYTES ? (plain[0] ?? null) : null
}

async function seal(publicKey: Bytes, info: Bytes, plain: Bytes): Promise<{ enc: Bytes; ct: Bytes }> {
  const recipientPublicKey = await SUITE.kem.deserializePublicKey(publicKey)
  const { enc, ct } = await SUITE.seal({ recipientPublicKey, info }, plain)
  return { enc: new Uint8Array(enc), ct: new Uint8Array(ct) }
}

async function open({ privateKey }: AudiencePair, info: Bytes, enc: Bytes, ct: Bytes): Promise<Bytes | null> {
  try {
    const recipientKey = await SUITE.kem.deserializePrivateKey(privateKey)
    return new Uint8Array(await SUITE.open({ recipientKey, info, enc }, ct))
  } catch {
    return null
  }
}

const SUITE = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() })
const KEY_BYTES = 32
const ROOT_BYTES = 16
const BALLOT_BYTES = 32
const TAG_BYTES = 16
/** What stands before the private key in a PKCS #8 key of X25519 (RFC 8410, section 7). */
const PKCS8_PREFIX = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20]

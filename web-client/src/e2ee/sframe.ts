// SFrame (RFC 9605) with AES_128_GCM_SHA256_128, on WebCrypto: the header, keys, and who may have sent
// what. Used by the worker for frames and by the page for messages.

import { hkdf } from '../link'
import { type Bytes, concat } from './bytes'

/** What a frame holds: a track of this source, or a message. */
export type Source = 'data' | 'microphone' | 'camera' | 'screen' | 'screen_audio'

/** For whom: everybody, the sender's own breakout group, the moderators. */
export type Level = 0 | 1 | 2

/** What a key id says. Who sent it stands in it, and the epoch of the circle modulo 256. */
export interface KeyId {
  readonly source: Source
  readonly level: Level
  /** Leaf of the sender in the circle's tree, below `MAX_LEAVES`. */
  readonly leaf: number
  readonly epoch: number
}

/** The key id as a number of 24 bits: context, leaf, epoch. */
export function encodeKeyId({ source, level, leaf, epoch }: KeyId): number {
  if (leaf >= MAX_LEAVES) throw new RangeError('too many leaves')
  const context = SOURCES.indexOf(source) + SOURCES.length * level
  return context * 2 ** 20 + leaf * 2 ** 8 + (epoch & 0xff)
}

/** Reads a key id; `null` where it is none of ours. */
export function decodeKeyId(kid: number): KeyId | null {
  const context = Math.floor(kid / 2 ** 20)
  const source = SOURCES[context % SOURCES.length]
  if (kid >= 2 ** 24 || context >= SOURCES.length * LEVELS || source === undefined) return null
  return { source, level: Math.floor(context / SOURCES.length) as Level, leaf: (kid >>> 8) & 0xfff, epoch: kid & 0xff }
}

/** By how many epochs `epoch` is after `other`, both modulo 256: -128 to 127. */
export function epochsAfter(epoch: number, other: number): number {
  return ((epoch - other + 128) & 0xff) - 128
}

/** The header in front of each ciphertext (RFC 9605, 4.3). */
export interface Header {
  readonly kid: number
  readonly counter: number
  /** Bytes it takes. */
  readonly length: number
}

/** Writes a header in as few bytes as it takes. */
export function encodeHeader(kid: number, counter: number): Bytes {
  const [kidBytes, counterBytes] = [kid < 8 ? [] : minimal(kid), counter < 8 ? [] : minimal(counter)]
  const k = kid < 8 ? kid : 0x08 | (kidBytes.length - 1)
  const c = counter < 8 ? counter : 0x08 | (counterBytes.length - 1)
  return Uint8Array.of((k << 4) | c, ...kidBytes, ...counterBytes)
}

/** Reads the header at `at`; `null` where the bytes are cut, or a number is beyond 2^48. */
export function decodeHeader(bytes: Uint8Array, at = 0): Header | null {
  const config = bytes[at]
  if (config === undefined) return null
  const kidLength = config & 0x80 ? ((config >> 4) & 0x07) + 1 : 0
  const counterLength = config & 0x08 ? (config & 0x07) + 1 : 0
  const length = 1 + kidLength + counterLength
  if (kidLength > 6 || counterLength > 6 || at + length > bytes.length) return null
  return {
    kid: kidLength === 0 ? (config >> 4) & 0x07 : number(bytes, at + 1, kidLength),
    counter: counterLength === 0 ? config & 0x07 : number(bytes, at + 1 + kidLength, counterLength),
    length,
  }
}

/** The base key of a level that not everybody has, by the root that its sender handed out. */
export function narrowBaseKey(baseKey: Bytes, root: Bytes): Promise<Bytes> {
  return hkdf(baseKey, concat('preau narrow v1'), KEY_BYTES, root)
}

/** What a key id's frames are sealed with: 16 bytes of key, 12 of salt. */
export interface KeyMaterial {
  readonly key: Bytes
  readonly salt: Bytes
}

/** Key and salt of a key id (RFC 9605, 4.4.2) from 16 bytes. */
export async function keyMaterial(baseKey: Bytes, kid: number): Promise<KeyMaterial> {
  const id = new Uint8Array(10)
  const view = new DataView(id.buffer)
  view.setBigUint64(0, BigInt(kid))
  view.setUint16(8, CIPHER_SUITE)
  const [key, salt] = await Promise.all([
    hkdf(baseKey, concat('SFrame 1.0 Secret key ', id), KEY_BYTES),
    hkdf(baseKey, concat('SFrame 1.0 Secret salt ', id), NONCE_BYTES),
  ])
  return { key, salt }
}

/** The key of one key id. */
export class FrameKey {
  private constructor(
    private readonly key: CryptoKey,
    private readonly salt: Bytes,
  ) {}

  /** The key of a key id, from the base key. */
  static async derive(baseKey: Bytes, kid: number, use: KeyUsage): Promise<FrameKey> {
    return FrameKey.of(await keyMaterial(baseKey, kid), use)
  }

  /** The key that somebody handed out. */
  static async of({ key, salt }: KeyMaterial, use: KeyUsage): Promise<FrameKey> {
    return new FrameKey(await crypto.subtle.importKey('raw', key, 'AES-GCM', false, [use]), salt)
  }

  /** Ciphertext and tag. `aad` is the header and what else is authenticated. */
  async encrypt(counter: number, plain: Bytes, aad: Bytes): Promise<Bytes> {
    return new Uint8Array(await crypto.subtle.encrypt(this.params(counter, aad), this.key, plain))
  }

  /** Rejects where anything was changed. */
  async decrypt(counter: number, sealed: Bytes, aad: Bytes): Promise<Bytes> {
    return new Uint8Array(await crypto.subtle.decrypt(this.params(counter, aad), this.key, sealed))
  }

  private params(counter: number, additionalData: Bytes): AesGcmParams {
    const iv = this.salt.slice()
    const view = new DataView(iv.buffer)
    view.setUint32(4, view.getUint32(4) ^ Math.floor(counter / 2 ** 32))
    view.setUint32(8, view.getUint32(8) ^ counter % 2 ** 32)
    return { name: 'AES-GCM', iv, additionalData }
  }
}

/** Which counters of a key id were there already: what is older than the window counts as seen. */
export class ReplayWindow {
  private highest = -1
  private readonly seen = new Uint8Array(REPLAY_WINDOW)

  /** False for what was noted, or is too old to tell. */
  isFresh(counter: number): boolean {
    if (counter > this.highest) return true
    return counter > this.highest - REPLAY_WINDOW && this.seen[counter % REPLAY_WINDOW] === 0
  }

  /** Notes one that is authentic: a forged one would shut out those that come after. */
  note(counter: number): void {
    for (let next = Math.max(this.highest + 1, counter - REPLAY_WINDOW + 1); next <= counter; next += 1) {
      this.seen[next % REPLAY_WINDOW] = 0
    }
    this.highest = Math.max(this.highest, counter)
    this.seen[counter % REPLAY_WINDOW] = 1
  }
}

/** Seals with a header in front, behind `prefix` in clear, which is authenticated too. */
export async function seal(key: FrameKey, kid: number, counter: number, plain: Bytes, prefix = NOTHING): Promise<Bytes> {
  const header = encodeHeader(kid, counter)
  return concat(prefix, header, await key.encrypt(counter, plain, concat(header, prefix)))
}

/** Opens what `seal` made, `prefix` bytes in front included. Rejects where anything was changed. */
export async function open(key: FrameKey, sealed: Bytes, header: Header, prefix = 0): Promise<Bytes> {
  const clear = sealed.subarray(0, prefix)
  const aad = concat(sealed.subarray(prefix, prefix + header.length), clear)
  const plain = await key.decrypt(header.counter, sealed.subarray(prefix + header.length), aad)
  return prefix === 0 ? plain : concat(clear, plain)
}

function minimal(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return bytes
}

function number(bytes: Uint8Array, at: number, length: number): number {
  let value = 0
  for (let i = at; i < at + length; i += 1) value = value * 256 + (bytes[i] ?? 0)
  return value
}

/** Leaves that a key id has place for. */
export const MAX_LEAVES = 4096
/** Counters that may come out of order: 20 s of sound, or 10 s of three layers. */
export const REPLAY_WINDOW = 1024
/** Tag of each sealed frame, in bytes. */
export const TAG_BYTES = 16
/** Bytes of a key, and of a base key. */
export const KEY_BYTES = 16
/** Bytes of a salt. */
export const NONCE_BYTES = 12

const SOURCES: readonly Source[] = ['data', 'microphone', 'camera', 'screen', 'screen_audio']
const LEVELS = 3
/** AES_128_GCM_SHA256_128 in the registry (RFC 9605, 8.1). */
const CIPHER_SUITE = 4
const NOTHING = new Uint8Array()

// What a person hands to those who have access to a recording of an encrypted room: the keys of their
// own frames in one epoch of the circle, and nobody else's. A key of one key id says nothing of another:
// what is sealed for some alone, moderators or a group, is opened by none of them.

import { fromBase64Url, toBase64Url } from '../link'
import { MAX_DISPLAY_NAME_CHARS, MAX_RELEASE_BYTES } from '../protocol/generated'
import { sealTo } from '../seal'
import type { ParticipantId } from './admission'
import type { OwnKeys } from './own-keys'
import { decodeKeyId, encodeKeyId, KEY_BYTES, type KeyMaterial, keyMaterial, NONCE_BYTES, type Source } from './sframe'

/** The keys of one person in one epoch. */
export interface Release {
  readonly recording: string
  readonly participant: ParticipantId
  /** Their pseudonym, which the server does not know. */
  readonly name: string
  readonly epoch: number
  readonly keys: readonly ReleasedKey[]
}

/** What opens the frames of one key id. */
export interface ReleasedKey extends KeyMaterial {
  readonly kid: number
}

/** The own keys of what is recorded: of what is for everybody. */
export async function releaseOf(
  recording: string,
  { participant, name }: Pick<Release, 'participant' | 'name'>,
  own: OwnKeys,
): Promise<Release> {
  const keys = RECORDED.map(async (source) => {
    const kid = encodeKeyId({ source, level: 0, leaf: own.leaf, epoch: own.epoch })
    return { kid, ...(await keyMaterial(own.baseKey, kid)) }
  })
  return { recording, participant, name, epoch: own.epoch, keys: await Promise.all(keys) }
}

/** A release, sealed to those who have access, for `release_keys`. Rejects where a recipient is none. */
export async function sealRelease({ keys, ...release }: Release, recipients: readonly string[]): Promise<string> {
  const text = JSON.stringify({
    v: VERSION,
    ...release,
    keys: keys.map(({ kid, key, salt }) => ({ kid, key: toBase64Url(key), salt: toBase64Url(salt) })),
  })
  const sealed = await sealTo(text, recipients)
  if (sealed.length > MAX_RELEASE_BYTES) throw new RangeError('too many keys')
  return toBase64Url(sealed)
}

/** Reads a release that was opened; `null` where it is none. */
export function parseRelease(text: string): Release | null {
  try {
    const read = JSON.parse(text) as Partial<Release> & { v?: unknown; keys?: unknown }
    const { recording, participant, name, epoch } = read
    if (read.v !== VERSION || typeof recording !== 'string' || typeof participant !== 'string') return null
    if (typeof name !== 'string' || name.length > MAX_DISPLAY_NAME_CHARS * 2) return null
    if (typeof epoch !== 'number' || !Number.isSafeInteger(epoch) || !Array.isArray(read.keys)) return null
    if (read.keys.length > RECORDED.length) return null
    const keys = (read.keys as unknown[]).map(parseKey)
    return keys.every((key) => key !== null) ? { recording, participant, name, epoch, keys } : null
  } catch {
    return null
  }
}

function parseKey(read: unknown): ReleasedKey | null {
  const { kid, key, salt } = read as { kid?: unknown; key?: unknown; salt?: unknown }
  if (typeof kid !== 'number' || typeof key !== 'string' || typeof salt !== 'string') return null
  const [keyBytes, saltBytes] = [fromBase64Url(key), fromBase64Url(salt)]
  const isKey = keyBytes?.length === KEY_BYTES && saltBytes?.length === NONCE_BYTES && decodeKeyId(kid) !== null
  return isKey ? { kid, key: keyBytes, salt: saltBytes } : null
}

const VERSION = 1
/** What a camera, a microphone, a screen and its sound are recorded of; messages are not. */
const RECORDED: readonly Source[] = ['microphone', 'camera', 'screen', 'screen_audio']

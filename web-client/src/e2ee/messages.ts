// What members of the circle say to each other. The server hands it on and cannot read it, so nothing
// of it was checked before it comes here: every field is read strictly, and what is wrong is no message.

import { fromBase64Url, toBase64Url } from '../link'
import type { SayAudience } from '../protocol/generated'
import type { ParticipantId } from './admission'
import type { Bytes } from './bytes'
import { type ClassMessage, type ClassSnapshot, readClassMessage, readSnapshot } from './class-messages'
import { pad } from './link-keys'

/** One message; `t` says which. */
export type CircleMessage = ClassMessage | KeyMessage

/** What concerns the circle itself. */
export type KeyMessage =
  /** What goes on, said to one who came in by whoever added them, and to one who asks. */
  | ({ readonly t: 'state' } & RoomLife)
  /** By a page that missed what was said: asks one member for it. */
  | { readonly t: 'catch_up' }
  /** The guest link was replaced; by holders of the moderator link. */
  | ({ readonly t: 'link' } & LinkGeneration)
  /** Whether those who come wait for a moderator; by moderators. */
  | { readonly t: 'policy'; readonly lobby: boolean }
  /** By a delegate: the host key's word that makes them one. */
  | { readonly t: 'delegate'; readonly admission: Bytes }
  /** The root of a level of the sender's, sealed to each of those it is for. */
  | { readonly t: 'narrow'; readonly level: 1 | 2; readonly keys: readonly SealedRoot[] }

/** What goes on, for one who comes late. */
export interface RoomLife extends ClassSnapshot {
  /** The newest guest link that the sender knows; `null` where that is the one everybody came by. */
  readonly link: LinkGeneration | null
  /** `null` where the sender does not know. */
  readonly lobby: boolean | null
  /** The proofs of delegates. */
  readonly delegates: readonly (readonly [ParticipantId, Bytes])[]
}

/** A guest link that replaced another one. */
export interface LinkGeneration {
  readonly generation: number
  /** 16 bytes. */
  readonly secret: Bytes
}

/** A root, or the key of words, for one participant: HPKE (RFC 9180), base mode, to the audience key of their leaf. */
export interface SealedRoot {
  readonly participant: ParticipantId
  readonly enc: Bytes
  readonly ct: Bytes
}

/** A message that some alone can read, as everybody gets it who gets it. */
export interface SealedWords {
  readonly t: 'sealed'
  /** Never everybody. */
  readonly to: SayAudience
  /** The key of the body, for each of those who may read it. */
  readonly keys: readonly SealedRoot[]
  readonly body: Bytes
}

/** The bytes of a message or of a question, padded so that its length says less. Throws `RangeError`
 * where it is too long for the server. */
export function encodeJson(value: object): Bytes {
  const text = JSON.stringify(value, (_, field: unknown) => (field instanceof Uint8Array ? toBase64Url(field) : field))
  const bytes = pad(text, 64)
  if (bytes.length > MAX_PLAIN_BYTES) throw new RangeError('too long to say')
  return bytes
}

/** Reads what `encodeJson` wrote; `null` where it is no JSON. */
export function decodeJson(bytes: Uint8Array): unknown {
  if (bytes.length > MAX_PLAIN_BYTES) return null
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return null
  }
}

/** Reads a message; `null` for one that is wrong in any way, or of a kind this page does not know. */
export function readMessage(value: unknown): CircleMessage | null {
  return readKeyMessage(value) ?? readClassMessage(value)
}

/** Whom a message is for, as its sender sealed it; `null` where that cannot be read. */
export function readAudience(value: unknown): SayAudience | null {
  const { to } = fieldsOf(value)
  if (to === undefined) return 'everybody'
  if (to === 'group' || to === 'moderators') return to
  const one = participantOf(fieldsOf(to)['one'])
  return one === null ? null : { one }
}

/** Reads words for some alone; `null` for anything else. */
export function readSealedWords(value: unknown): SealedWords | null {
  const fields = fieldsOf(value)
  const to = readAudience(value)
  const keys = listOf(fields['keys'], MAX_RECIPIENTS, rootOf)
  const body = typeof fields['body'] === 'string' ? fromBase64Url(fields['body']) : null
  if (fields['t'] !== 'sealed' || to === null || to === 'everybody' || keys === null || body === null) return null
  return { t: 'sealed', to, keys, body }
}

/** True for what concerns the circle itself. */
export function isKeyMessage(message: CircleMessage): message is KeyMessage {
  return KEY_MESSAGES.some((t) => t === message.t)
}

function readKeyMessage(value: unknown): KeyMessage | null {
  const fields = fieldsOf(value)
  switch (fields['t']) {
    case 'state':
      return readState(fields)
    case 'catch_up':
      return { t: 'catch_up' }
    case 'link': {
      const link = linkOf(fields)
      return link === null ? null : { t: 'link', ...link }
    }
    case 'policy':
      return typeof fields['lobby'] === 'boolean' ? { t: 'policy', lobby: fields['lobby'] } : null
    case 'delegate': {
      const admission = bytesOf(fields['admission'], ADMISSION_BYTES)
      return admission === null ? null : { t: 'delegate', admission }
    }
    case 'narrow': {
      const { level } = fields
      const keys = listOf(fields['keys'], MAX_PARTICIPANTS, rootOf)
      return (level !== 1 && level !== 2) || keys === null ? null : { t: 'narrow', level, keys }
    }
    default:
      return null
  }
}

function readState(fields: Fields): KeyMessage | null {
  const snapshot = readSnapshot(fields)
  const link = fields['link'] === null ? null : linkOf(fieldsOf(fields['link']))
  const { lobby } = fields
  const delegates = listOf(fields['delegates'], MAX_PARTICIPANTS, (one) => {
    const [id, text] = Array.isArray(one) && one.length === 2 ? (one as unknown[]) : []
    const [participant, admission] = [participantOf(id), bytesOf(text, ADMISSION_BYTES)]
    return participant === null || admission === null ? null : ([participant, admission] as const)
  })
  if (snapshot === null || delegates === null || (link === null && fields['link'] !== null)) return null
  return lobby === null || typeof lobby === 'boolean' ? { t: 'state', ...snapshot, link, lobby, delegates } : null
}

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}

function linkOf(fields: Fields): LinkGeneration | null {
  const { generation } = fields
  const secret = bytesOf(fields['secret'], 16)
  const isGeneration = typeof generation === 'number' && Number.isInteger(generation) && generation >= 0 && generation < 2 ** 32
  return isGeneration && secret !== null ? { generation, secret } : null
}

function rootOf(value: unknown): SealedRoot | null {
  const fields = fieldsOf(value)
  const participant = participantOf(fields['participant'])
  const [enc, ct] = [bytesOf(fields['enc'], 32), bytesOf(fields['ct'], SEALED_ROOT_BYTES)]
  return participant === null || enc === null || ct === null ? null : { participant, enc, ct }
}

function listOf<T>(value: unknown, most: number, read: (one: unknown) => T | null): readonly T[] | null {
  if (!Array.isArray(value) || value.length > most) return null
  const list: T[] = []
  for (const one of value) {
    const item = read(one)
    if (item === null) return null
    list.push(item)
  }
  return list
}

function participantOf(value: unknown): ParticipantId | null {
  return typeof value === 'string' && bytesOf(value, 8) !== null ? value : null
}

function bytesOf(value: unknown, length: number): Bytes | null {
  const bytes = typeof value === 'string' ? fromBase64Url(value) : null
  return bytes?.length === length ? bytes : null
}

const KEY_MESSAGES = ['state', 'catch_up', 'link', 'policy', 'delegate', 'narrow'] as const satisfies readonly KeyMessage['t'][]
/** Of words for some alone. Higher: their keys alone are more than the server takes of one message. */
export const MAX_RECIPIENTS = 200
/** More than a room holds. */
const MAX_PARTICIPANTS = 1000
/** An admission by the host key. */
const ADMISSION_BYTES = 74
/** 16 bytes and their tag. */
const SEALED_ROOT_BYTES = 32
/** What the server takes of one message, less header and tag. */
const MAX_PLAIN_BYTES = 48 * 1024 - 64

// What is kept of rooms, as text: in a browser's storage and in files that travel between machines.
// Both are read as strictly as anything from outside.

import { type RoomFlags, secretOf } from './link'
import type { Profile } from './protocol/generated'

/** A room that its teacher keeps. Whoever reads this may moderate it. */
export interface KeptRoom {
  /** Unguessable room name, as in its links. */
  readonly room: string
  /** Secret of the moderator link, as in it. */
  readonly moderator: string
  /** What the teacher calls it. */
  readonly title: string
  readonly profile: Profile
  /** How it is end-to-end encrypted, as its links say; `null` where it is not. */
  readonly encryption: RoomFlags | null
  /** When it ends, in seconds since 1970-01-01 UTC; `null` where that was not known. */
  readonly endsAt: number | null
  /** Generation of the guest link, as this browser learned last. */
  readonly generation: number
  readonly pupils: readonly KeptPupil[]
}

/** Who got a personal link. */
export interface KeptPupil {
  readonly name: string
  /** The link's own secret, as in it. */
  readonly admission: string
}

/** Why a text is no list of kept rooms. */
export type KeptFault =
  /** Longer than all that may be kept. */
  | 'too_large'
  /** Not a list of ours, or of another version. */
  | 'not_ours'
  /** A list of ours in which something is wrong. */
  | 'damaged'

/** Reads a list; all of it or nothing. */
export function parseKept(text: string): readonly KeptRoom[] | KeptFault {
  if (text.length > MAX_KEPT_CHARS) return 'too_large'
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return 'not_ours'
  }
  if (!hasExactly(read, ['format', 'version', 'rooms'])) return 'not_ours'
  const isOurs = read['format'] === FORMAT && (read['version'] === VERSION || read['version'] === FIRST_VERSION)
  if (!isOurs || !Array.isArray(read['rooms'])) return 'not_ours'
  const kept: readonly unknown[] = read['rooms']
  const rooms = read['version'] === VERSION ? kept : kept.map(withoutEncryption)
  if (rooms.length > MAX_KEPT_ROOMS || !rooms.every(isRoom)) return 'damaged'
  return areDistinct(rooms.map(({ room }) => room)) ? rooms : 'damaged'
}

/** Writes a list. */
export function writeKept(rooms: readonly KeptRoom[]): string {
  return JSON.stringify({ format: FORMAT, version: VERSION, rooms })
}

/** A secret of a room that was read strictly. */
export function keptSecret(text: string): Uint8Array<ArrayBuffer> {
  const secret = secretOf(text)
  if (secret === null) throw new TypeError('kept secrets are whole')
  return secret
}

/** What a title or a name becomes before it is kept: one line, without blanks around; empty when it
 * is too long or has nothing to see. */
export function tidy(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return isLabel(line) ? line : ''
}

function isRoom(value: unknown): value is KeptRoom {
  if (!hasExactly(value, [...FIRST_MEMBERS, 'encryption'])) return false
  const { room, moderator, title, profile, encryption, endsAt, generation, pupils } = value
  return (
    isSecret(room) &&
    isSecret(moderator) &&
    isLabel(title) &&
    PROFILES.some((known) => known === profile) &&
    (encryption === null || areFlags(encryption)) &&
    (endsAt === null || isWhole(endsAt, Number.MAX_SAFE_INTEGER)) &&
    isWhole(generation, MAX_GENERATION) &&
    Array.isArray(pupils) &&
    pupils.length <= MAX_PUPILS &&
    pupils.every(isPupil) &&
    areDistinct(pupils.map(({ admission }) => admission))
  )
}

/** A room of the first lists, made before rooms could be encrypted. */
function withoutEncryption(value: unknown): unknown {
  return hasExactly(value, FIRST_MEMBERS) ? { ...value, encryption: null } : null
}

function areFlags(value: unknown): value is RoomFlags {
  return hasExactly(value, ['open', 'raw']) && typeof value['open'] === 'boolean' && typeof value['raw'] === 'boolean'
}

function isPupil(value: unknown): value is KeptPupil {
  return hasExactly(value, ['name', 'admission']) && isLabel(value['name']) && isSecret(value['admission'])
}

/** A plain object with these members and no other. */
function hasExactly(value: unknown, names: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const own = Object.keys(value)
  return own.length === names.length && names.every((name) => own.includes(name))
}

/** A room name or a secret: 16 bytes either way. */
function isSecret(value: unknown): boolean {
  return typeof value === 'string' && secretOf(value) !== null
}

function isLabel(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    Array.from(value).length <= MAX_LABEL_CHARS &&
    value.trim() === value &&
    // Something to see, and nothing that moves what stands around it.
    /[^\p{C}\p{Z}\p{M}]/u.test(value) &&
    !/[\p{Cc}\p{Cs}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u.test(value)
  )
}

function isWhole(value: unknown, most: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most
}

function areDistinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length
}

const FORMAT = 'preau-rooms'
const VERSION = 2
/** Lists of rooms that are not encrypted; still read, and written anew as the present version. */
const FIRST_VERSION = 1
const FIRST_MEMBERS = ['room', 'moderator', 'title', 'profile', 'endsAt', 'generation', 'pupils']
/** Every kind of room, in the order in which they are offered. */
export const PROFILES = ['classe', 'sensible', 'reunion', 'audio'] as const satisfies readonly Profile[]
/** The counter has 32 bits. */
const MAX_GENERATION = 2 ** 32 - 1
/** As many as a room has on the server. */
export const MAX_PUPILS = 200
/** Longest title or name. Higher: rows that no phone shows; lower: "Français 3e B, groupe du mardi" does not fit. */
export const MAX_LABEL_CHARS = 80
/** Higher: more than one looks through; lower: a year of one teacher does not fit. */
export const MAX_KEPT_ROOMS = 100
/** Browsers keep about 5 million. Higher: the list might not be kept; lower: full lists of names do not fit. */
export const MAX_KEPT_CHARS = 2_000_000

// What a page comes back with after a reload: the token and, in an encrypted room, what the server does
// not know. It lives in this tab's `history.state` only, and only while the room is entered.

import type { KeptIdentity } from '../e2ee/session-types'
import type { Join } from '../protocol/connection'

/** What a page finds of the one before it. */
export interface Remembered {
  readonly token: string
  /** True when the page before was left a moment ago without leaving the room: a reload. */
  readonly fresh: boolean
  /** True when the person had asked to receive little. */
  readonly saving: boolean
  /** Of an encrypted room; `null` elsewhere. */
  readonly encrypted: KeptEncrypted | null
}

/** What a page of an encrypted room needs of the one before it, to be known again by the others. */
export interface KeptEncrypted {
  readonly identity: KeptIdentity | null
  /** The own name, which the server does not know. */
  readonly name: string | null
  /** Proofs of the guest link that the token was given for, where it was replaced since. */
  readonly proofs: LinkProofs | null
}

/** What `join` shows of a link. */
export type LinkProofs = Pick<Join, 'proof' | 'handle'>

/** Reads what the page before left; `null` when there is nothing for this room. */
export function recallSession(room: string, now: number): Remembered | null {
  const state: unknown = history.state
  if (!isEntry(state) || state.room !== room) return null
  const fresh = state.leftAt !== null && now - state.leftAt < RESUME_MS
  return { token: state.token, fresh, saving: state.saving, encrypted: state.encrypted ?? null }
}

/** Keeps the token and what goes with it; `leftAt` (milliseconds since 1970) when the page is going
 * away. */
export function rememberSession(
  room: string,
  token: string,
  leftAt: number | null,
  saving = false,
  encrypted: KeptEncrypted | null = null,
): void {
  history.replaceState({ preau: 1, room, token, leftAt, saving, encrypted } satisfies Entry, '')
}

/** Forgets the session. */
export function forgetSession(): void {
  if (isEntry(history.state)) history.replaceState(null, '')
}

/** Fetches the page anew because the server speaks a newer version, once: the newer page, if it
 * fares no better, stays and says so. */
export function reloadForNewVersion(): void {
  if (history.state === RELOADED) return
  history.replaceState(RELOADED, '')
  location.reload()
}

interface Entry {
  readonly preau: 1
  readonly room: string
  readonly token: string
  readonly leftAt: number | null
  readonly saving: boolean
  readonly encrypted?: KeptEncrypted | null
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && 'preau' in value && value.preau === 1
}

const RELOADED = 'preau reloaded'
/** As long as the server keeps the place. Higher: a tab restored later would enter by itself. */
const RESUME_MS = 30_000

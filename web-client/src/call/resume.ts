// The secret to come back with after a reload. It lives in this tab's `history.state` only, and
// only while the room is entered.

/** What a page finds of the one before it. */
export interface Remembered {
  readonly token: string
  /** True when the page before was left a moment ago without leaving the room: a reload. */
  readonly fresh: boolean
  /** True when the person had asked to receive little. */
  readonly saving: boolean
}

/** Reads what the page before left; `null` when there is nothing for this room. */
export function recallSession(room: string, now: number): Remembered | null {
  const state: unknown = history.state
  if (!isEntry(state) || state.room !== room) return null
  const fresh = state.leftAt !== null && now - state.leftAt < RESUME_MS
  return { token: state.token, fresh, saving: state.saving }
}

/** Keeps the token and what goes with it; `leftAt` (milliseconds since 1970) when the page is going
 * away. */
export function rememberSession(room: string, token: string, leftAt: number | null, saving = false): void {
  history.replaceState({ preau: 1, room, token, leftAt, saving } satisfies Entry, '')
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
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && 'preau' in value && value.preau === 1
}

const RELOADED = 'preau reloaded'
/** As long as the server keeps the place. Higher: a tab restored later would enter by itself. */
const RESUME_MS = 30_000

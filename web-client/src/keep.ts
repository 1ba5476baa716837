// Keeps rooms in this browser, for a teacher who asked for it: the one file that touches a browser's
// storage. Nothing here runs for whoever holds a guest link.

import { type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { type KeptRoom, MAX_KEPT_CHARS, MAX_KEPT_ROOMS, parseKept, writeKept } from './kept-rooms'

/** What this browser holds. */
export interface Kept {
  readonly rooms: readonly KeptRoom[]
  /** `blocked`: this browser keeps nothing. `unreadable`: what it holds is no list of ours, and stays
   * as it is until it is forgotten. */
  readonly fault: 'blocked' | 'unreadable' | null
}

/** What became of a wish to keep something. */
export type KeepOutcome = 'kept' | 'full' | 'blocked' | 'unreadable'

/** What this browser holds, as it changes, in other tabs too. Rooms that ended a while ago go. */
export function keptRooms(): ReadonlySignal<Kept> {
  if (known !== null) return known
  const kept = signal(read())
  known = kept
  addEventListener('storage', () => {
    kept.value = read()
  })
  const lasting = kept.value.rooms.filter(({ endsAt }) => endsAt === null || endsAt + LINGER_S > Date.now() / 1000)
  if (lasting.length < kept.value.rooms.length) write(lasting)
  return kept
}

/** Keeps a room, in place of what was kept of it. */
export function keepRoom(room: KeptRoom): KeepOutcome {
  return change((rooms) => [room, ...rooms.filter((one) => one.room !== room.room)])
}

/** Adds those that are not kept yet. */
export function keepMore(more: readonly KeptRoom[]): KeepOutcome {
  return change((rooms) => [...rooms, ...more.filter(({ room }) => !rooms.some((one) => one.room === room))])
}

/** Changes what is kept of a room, unless `to` finds no place for it; one that is not kept stays so. */
export function changeKept(room: string, to: (kept: KeptRoom) => KeptRoom | null): KeepOutcome {
  const kept = read().rooms.find((one) => one.room === room)
  if (kept === undefined) return 'kept'
  const changed = to(kept)
  if (changed === null) return 'full'
  return change((rooms) => rooms.map((one) => (one.room === room ? changed : one)))
}

/** Forgets a room. */
export function forgetRoom(room: string): void {
  change((rooms) => rooms.filter((one) => one.room !== room))
}

/** Forgets all of it, also what cannot be read. */
export function forgetEverything(): void {
  try {
    localStorage.removeItem(KEY)
  } catch {
    // Nothing can be kept here, so nothing is.
  }
  if (known !== null) known.value = read()
}

function change(next: (rooms: readonly KeptRoom[]) => readonly KeptRoom[]): KeepOutcome {
  // Another tab may have changed it since.
  const { rooms, fault } = read()
  if (fault !== null) return fault
  return write(next(rooms))
}

function read(): Kept {
  let text: string | null
  try {
    text = localStorage.getItem(KEY)
  } catch {
    return { rooms: [], fault: 'blocked' }
  }
  const rooms = text === null ? [] : parseKept(text)
  return typeof rooms === 'string' ? { rooms: [], fault: 'unreadable' } : { rooms, fault: null }
}

function write(rooms: readonly KeptRoom[]): KeepOutcome {
  const text = writeKept(rooms)
  if (rooms.length > MAX_KEPT_ROOMS || text.length > MAX_KEPT_CHARS) return 'full'
  try {
    if (rooms.length === 0) localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, text)
  } catch {
    return 'full'
  }
  if (known !== null) known.value = { rooms, fault: null }
  return 'kept'
}

let known: Signal<Kept> | null = null

const KEY = 'preau.rooms'
/** How long a room that ended stays on the list: a week. Higher: names lie about for longer; lower:
 * a room goes before one has seen that it ended. */
const LINGER_S = 7 * 24 * 3600

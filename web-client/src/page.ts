// Which page an address means. The address is only read; moving between pages is by plain links.

import type { ReadonlySignal } from '@preact/signals'
import type { EarlyCall } from './call/early'
import type { Problem } from './call/state'
import type { Call } from './call/store'
import type { Link } from './link'

/** The page to draw; fixed for the life of the document. */
export type Page =
  /** `/`: make a room. */
  | { readonly name: 'home' }
  /** `/r/<room>`: the screens of `call.state.value.phase`. */
  | { readonly name: 'room'; readonly link: RoomLink; readonly call: ReadonlySignal<Call | EarlyCall> }
  /** `/r/<room>` where the link or the browser lets nobody in. */
  | { readonly name: 'refused'; readonly problem: Problem }
  /** `/rooms`: the rooms that a teacher keeps in this browser. */
  | { readonly name: 'rooms' }
  /** `/recordings`: of a room, or the one that a link gives access to. */
  | { readonly name: 'recordings' }
  /** `/test`: can this device and this network take part? */
  | { readonly name: 'test' }
  /** `/doctor`: what `preau doctor` says, for the administrator. `pass`: of the link; `null` in none. */
  | { readonly name: 'doctor'; readonly pass: string | null }
  /** `/chiffrement`: what end-to-end encryption protects. */
  | { readonly name: 'limits' }
  /** Anything else. */
  | { readonly name: 'unknown' }

/** What the page before joining shows of its link, before the server is asked. */
export type RoomLink = Pick<Link, 'role' | 'encryption'>

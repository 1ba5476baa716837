// Which page an address means. The address is only read; moving between pages is by plain links.

import type { Call } from './call/store'

/** The page to draw; fixed for the life of the document. */
export type Page =
  /** `/`: make a room. */
  | { readonly name: 'home' }
  /** `/r/<room>`: the screens of `call.state.value.phase`. */
  | { readonly name: 'room'; readonly call: Call }
  /** `/rooms`: the rooms that a teacher keeps in this browser. */
  | { readonly name: 'rooms' }
  /** `/notice`: which data are processed, and why. */
  | { readonly name: 'notice' }
  /** `/test`: can this device and this network take part? */
  | { readonly name: 'test' }
  /** Anything else. */
  | { readonly name: 'unknown' }

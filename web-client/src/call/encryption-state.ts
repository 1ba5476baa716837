// End-to-end encryption as the screens show it.

import type { RoomCode } from '../e2ee/link-keys'
import type { ParticipantId } from './state'

/** How far this page has come. */
export type EncryptionProgress =
  /** Keys are being agreed on: nothing is sent and nothing received yet. */
  | 'joining'
  /** A moderator has to vouch for this page first. */
  | 'admission'
  /** What is sent and received is encrypted. */
  | 'ready'
  /** The members' keys no longer agree, or somebody meddles: nothing is sent. A new start is under way. */
  | 'broken'
  /** What encrypts failed too often: nothing is sent or opened before the page is loaded anew. */
  | 'stopped'

/** Of a room that is end-to-end encrypted. */
export interface EncryptionState {
  readonly progress: EncryptionProgress
  /** The room's code; `null` until it is derived. */
  readonly code: RoomCode | null
  /** Those present who are members of the circle, oneself included. */
  readonly members: ReadonlySet<ParticipantId>
  /** True when some of those present have not been members for longer than a join takes. */
  readonly differs: boolean
}

/** Before anything is agreed on. */
export const NO_KEYS_YET: EncryptionState = { progress: 'joining', code: null, members: new Set(), differs: false }

/** What became of somebody's frames. */
export interface FrameCounts {
  readonly decrypted: number
  /** Dropped for want of a key, as forged, as seen before, or as not belonging where they came. */
  readonly dropped: number
  /** In clear: dropped as well, and always 0 where nobody meddles. */
  readonly clear: number
}

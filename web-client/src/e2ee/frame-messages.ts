// What the page and the worker that encrypts say to each other.

import type { TrackSource } from '../protocol/generated'
import type { ParticipantId } from './admission'
import type { Bytes } from './bytes'
import type { Level } from './sframe'

export type { TrackSource }

/** Whose track a section is meant to carry. */
export interface Expected {
  readonly participant: ParticipantId
  readonly source: TrackSource
}

/** What the worker needs of an epoch of the circle. */
export interface EpochKeys {
  /** Counts the epochs of this page, across circles. */
  readonly serial: number
  /** The whole number; frames say it modulo 256. */
  readonly epoch: number
  /** 16 bytes, from the MLS exporter. */
  readonly baseKey: Bytes
  /** Own leaf. */
  readonly leaf: number
  /** Who is at which leaf. */
  readonly leaves: ReadonlyMap<number, ParticipantId>
}

/** What a section of a connection is, when its frames are first seen. */
export type SectionOptions =
  | { readonly kind: 'sender'; readonly section: number; readonly source: TrackSource }
  | { readonly kind: 'receiver'; readonly section: number }

/** From the page. */
export type ToWorker =
  | { readonly type: 'mode'; readonly raw: boolean }
  /** Frames of this epoch can be opened from now on; those of earlier ones for a while. */
  | { readonly type: 'epoch'; readonly keys: EpochKeys }
  /** What is sent is sealed under this epoch from now on; `null` sends nothing. */
  | { readonly type: 'send_with'; readonly serial: number | null }
  /** The circle is gone. */
  | { readonly type: 'forget' }
  /** The own root of a level; `null` sends nothing at that level. */
  | { readonly type: 'own_root'; readonly level: 1 | 2; readonly root: Bytes | null }
  /** For whom a source is sealed. */
  | { readonly type: 'level'; readonly source: TrackSource; readonly level: Level }
  /** Somebody's root of a level: the newest and the one before are good. */
  | { readonly type: 'root'; readonly participant: ParticipantId; readonly level: 1 | 2; readonly root: Bytes }
  | { readonly type: 'expect'; readonly section: number; readonly track: Expected | null }
  | { readonly type: 'codecs'; readonly section: number; readonly mimeTypes: ReadonlyMap<number, string> }
  /** The section is gone. */
  | { readonly type: 'detach'; readonly section: number }
  | { readonly type: 'count'; readonly id: number }

/** From the worker. */
export type FromWorker = { readonly type: 'counted'; readonly id: number; readonly counters: FrameCounters }

/** What was counted. Nothing is ever passed on that was not decrypted, nor sent that is not encrypted. */
export interface FrameCounters {
  readonly sent: readonly SentCount[]
  readonly received: readonly ReceivedCount[]
}

/** Frames of one source of this page. */
export interface SentCount {
  readonly source: TrackSource
  readonly encrypted: number
  /** Without a key, or of a codec that may not be: not sent. */
  readonly dropped: number
  /** Sent without encryption: 0. */
  readonly clear: number
}

/** Frames of one track of somebody's. */
export interface ReceivedCount extends Expected {
  readonly decrypted: number
  readonly dropped: Readonly<Record<DropReason, number>>
}

/** Why a frame that came was not played. */
export type DropReason =
  /** The key is not there, or not any more. */
  | 'no_key'
  /** Not authentic. */
  | 'forged'
  /** It was there already. */
  | 'replayed'
  /** Of another participant or another source than the section is meant to carry. */
  | 'misrouted'
  /** No encrypted frame at all. */
  | 'clear'

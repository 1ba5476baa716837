// All a call knows, all that can happen to it, and all it can ask to be done; call.ts decides.

import type { ServerMessage, TrackSource } from '../protocol/generated'
import { type LifeEvent, QUIET_LIFE } from './class-life'
import type { Device } from './devices'
import { NO_RECORDING, type RecordingEvent, type WantedAnswer } from './recording'
import type { Absence, CallState, ParticipantId, Problem } from './state'

/** All the call knows: what the screens see, and what they need not. */
export interface CallModel {
  readonly view: CallState
  /** As typed before joining, blank for a neutral pseudonym; then the one in force, to enter again
   * with after a restart of the server. */
  readonly wantedName: string
  /** True once the room was entered by this page. */
  readonly hasEntered: boolean
  /** Can the server be heard, and if not, what is known of it. */
  readonly signaling: 'up' | 'down' | 'restarting'
  readonly media: 'connecting' | 'connected'
  readonly nextNoticeKey: number
  /** Who speaks now, as the server hears it. */
  readonly speakers: ReadonlySet<ParticipantId>
}

/** Everything that can happen. */
export type CallEvent =
  // The person
  | { type: 'join'; name: string }
  | { type: 'retry' }
  | { type: 'leave' }
  | { type: 'rename'; name: string }
  | { type: 'open_device'; device: Device }
  | { type: 'confirm_camera' }
  | { type: 'close_device'; device: Device }
  | { type: 'set_saving'; saving: boolean }
  | { type: 'set_moderators_only'; moderatorsOnly: boolean }
  | { type: 'dismiss_notice'; key: number }
  | LifeEvent
  | RecordingEvent
  // The page
  | { type: 'cannot_join'; problem: Problem }
  /** What the link promises does not hold: out, for good. */
  | { type: 'cannot_stay'; problem: Problem }
  | { type: 'device_opened'; device: Device }
  | { type: 'device_failed'; device: Device; problem: Problem }
  | { type: 'device_ended'; device: Device }
  | { type: 'check_failed'; problem: Problem }
  | { type: 'request_refused'; problem: Problem }
  /** The server did not take, or did not hear, who may see the own camera. */
  | { type: 'audience_refused'; moderatorsOnly: boolean }
  // The two connections
  /** `at`: when it was heard, on the clock of `performance.now()`. */
  | { type: 'server'; message: ServerMessage; at: number }
  | { type: 'signaling_lost'; attempts: number }
  | { type: 'media_connecting' }
  | { type: 'media_connected' }
  | { type: 'media_blocked' }

/** What to do about it. */
export type Effect =
  | { type: 'open_signaling' }
  | { type: 'close_signaling'; how: 'leave' | 'silent' }
  | { type: 'remember_session'; token: string }
  | { type: 'forget_session' }
  /** The room is entered: keep the media connection if it still lives there, else make one. */
  | { type: 'start_media'; resumed: boolean }
  | { type: 'stop_media' }
  | { type: 'open_device'; device: Device }
  /** Lets the frames of an opened device out. */
  | { type: 'send_device'; device: Device }
  /** Releases it, sent or not. */
  | { type: 'release_device'; device: Device }
  | { type: 'release_everything' }
  | { type: 'request_rename'; name: string }
  | { type: 'request_reception'; saving: boolean }
  | { type: 'request_audience'; moderatorsOnly: boolean }
  | { type: 'answer_recording'; answer: WantedAnswer }
  | { type: 'want_layers'; source: TrackSource; rids: readonly string[] }
  | { type: 'mark_slots'; why: Absence; mids: readonly string[] }
  | { type: 'offer_again' }
  /** The server speaks a newer version of the protocol: fetch the newer page. */
  | { type: 'reload_page' }

/** The next model and what to do, in order. */
export interface Step {
  readonly model: CallModel
  readonly effects: readonly Effect[]
}

/** Before anything happened. */
export const INITIAL_MODEL: CallModel = {
  view: {
    phase: { name: 'prejoin' },
    connection: 'connected',
    selfId: null,
    role: null,
    rules: null,
    rights: null,
    linkGeneration: 0,
    moderatorsOnly: false,
    restartsAt: null,
    life: QUIET_LIFE,
    recording: NO_RECORDING,
    waiting: [],
    participants: [],
    microphone: 'off',
    camera: 'off',
    screen: 'off',
    saving: false,
    notices: [],
  },
  wantedName: '',
  hasEntered: false,
  signaling: 'down',
  media: 'connecting',
  nextNoticeKey: 1,
  speakers: new Set(),
}

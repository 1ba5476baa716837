// The surface between the call and the screens: what a screen may read and what a click may do.
// A screen imports this file and state.ts from here, and nothing else of `call/`.

import type { ReadonlySignal } from '@preact/signals'
import type { Request } from '../protocol/connection'
import type { Known, OpenRules, Opinion, TrackSource } from '../protocol/generated'
import type { Care } from './care'
import type { Snapshot } from './diagnostics'
import type { EncryptionState } from './encryption-state'
import type { HostTools } from './host'
import type { CallState, ParticipantId } from './state'

/** Preview before joining: what the camera and the microphone give. Nothing of it is sent. */
export interface DeviceCheck {
  /** True while the browser is asking or opening. */
  readonly opening: boolean
  /** What could be opened; a notice in the state says why something could not. */
  readonly hasCamera: boolean
  readonly hasMicrophone: boolean
}

/** What a screen may ask for as it is: everything about class life and about others that shows when
 * the server says it has changed. */
export type ClassRequest = Exclude<
  Request,
  {
    type:
      | 'offer'
      | 'subscribe'
      | 'set_publishing'
      | 'set_reception'
      | 'rename'
      | 'probe'
      | 'set_opinion'
      | 'set_audience'
      | 'start_recording'
      | 'answer_recording'
      | 'vote'
      | 'rotate_link'
      | 'set_role'
      | 'add_handles'
      | 'revoke_handle'
  }
>

/** Sources of which a tile shows a picture. */
export type PictureSource = Extract<TrackSource, 'camera' | 'screen'>

/**
 * One call, from the opened link to the last page. Actions return at once; what came of them shows
 * in `state` (a refused device turns `off` again and leaves a notice). Actions that make no sense
 * in the present state do nothing.
 */
export interface Call {
  readonly state: ReadonlySignal<CallState>

  /** Link for guests of this room that is good now, to show and copy; `null` while it is not known,
   * and for a broken link. */
  readonly guestLink: ReadonlySignal<string | null>
  /** What the holder of the moderator link can do; `null` for everybody else, also for a moderator
   * who came by the guest link. Read while drawing, it is followed like a signal. */
  readonly host: HostTools | null

  /** How the end-to-end encryption stands; `null` in a room that has none. */
  readonly encryption: ReadonlySignal<EncryptionState | null>

  /** The check before joining; `null` when it is not open. */
  readonly deviceCheck: ReadonlySignal<DeviceCheck | null>
  /** The own camera and microphone, and what may be settled about them. */
  readonly care: Care
  /** Who is speaking now, as the server hears it; oneself included. */
  readonly speaking: ReadonlySignal<ReadonlySet<ParticipantId>>
  /** Pictures (see `pictureKey`) that the server holds back because this network does not carry
   * them: what was last seen of them stands still. */
  readonly heldBack: ReadonlySignal<ReadonlySet<string>>
  /** Pictures in a codec that this browser does not play. */
  readonly unplayable: ReadonlySignal<ReadonlySet<string>>
  /** True when the browser refused to play sound before a click; the next click anywhere plays
   * it, so a screen only has to say so. */
  readonly soundBlocked: ReadonlySignal<boolean>

  /** Picture of a participant, oneself included, for a muted `<video>`: sound is played by the
   * call itself. The same signal for each equal question; `null` while there is no picture. */
  mediaStreamFor(participant: ParticipantId, source: PictureSource): ReadonlySignal<MediaStream | null>
  /** Tells how high a picture is shown, in device pixels, so that no more than needed is sent;
   * `null` when it is not shown at all. Pictures never told about are not sent. */
  setShownHeight(participant: ParticipantId, source: PictureSource, height: number | null): void

  /** From a click only: asks for camera and microphone and shows them to the person alone. */
  checkDevices(): void
  /** Ends the check and releases both devices. `join` does it too. */
  endDeviceCheck(): void

  /** From a click only (it also allows sound). Blank: the server assigns a neutral pseudonym. */
  join(name: string): void
  /** After `failed` with `retry`: back to joining with the same name. */
  retry(): void
  /** Stops every track, closes everything, forgets the session. Works without signaling. */
  leave(): void
  /** Asks for another pseudonym, 1 to 40 characters. */
  rename(name: string): void

  /** On, from a click only: opens the microphone. Off: releases it. */
  setMicrophone(on: boolean): void
  /** From a click only: opens the camera for preview; nothing is sent before `confirmCamera`. */
  openCameraPreview(): void
  /** Sends the previewed picture from now on. */
  confirmCamera(): void
  /** Gives the preview up and releases the camera. */
  cancelCameraPreview(): void
  /** Releases the camera. */
  turnCameraOff(): void

  /** From a click only, after the reminder about confidential documents: the browser's picker,
   * and what was chosen there is shared. */
  startScreen(): void
  /** Stops sharing. */
  stopScreen(): void

  /** Receive as little as a meeting needs, or everything again; before joining too. */
  setSaving(saving: boolean): void

  /** What the browser counts now, for `diagnose`; `null` while there is no connection. */
  snapshot(): Promise<Snapshot | null>

  /** What the server holds about whoever asks; `null` when it does not say. */
  whatIsKnown(): Promise<Known | null>
  /** Asks for something; true when it was done. When it was not, a notice in the state says why. */
  ask(request: ClassRequest): Promise<boolean>
  /** Holds up an opinion in place of the last; `null` takes it down. */
  holdOpinion(opinion: Opinion | null): void
  /** Answers the open question, once. */
  vote(poll: number, choice: number): void
  /** Lets the moderators alone see the own camera, or everybody. */
  setModeratorsOnly(moderatorsOnly: boolean): void
  /** Puts away what was shown, on this page alone. */
  putAway(what: 'announcement' | 'result'): void
  /** Puts away somebody's call for help, on this page alone. */
  putAwayHelp(participant: ParticipantId): void

  /** From a click only: lets oneself be recorded, or not, or not any more. */
  answerRecording(accepted: boolean): void
  /** Puts away the word that a recording has ended. */
  putAwayRecording(): void

  dismissNotice(key: number): void
}

/** Asks for a change of the rules. Only what changes counts: what another moderator changed meanwhile
 * stays. */
export function changeRules(was: OpenRules, change: Partial<OpenRules>): ClassRequest {
  return { type: 'set_rules', was, rules: { ...was, ...change } }
}

/** Sees to it that nobody enters by the link any more; false when that could not be done. */
export function lockRoom(call: Pick<Call, 'ask' | 'state'>): Promise<boolean> {
  const open = call.state.value.rules?.open
  if (open === undefined || open.locked) return Promise.resolve(open !== undefined)
  return call.ask(changeRules(open, { locked: true }))
}

/** One text for one picture of one participant. */
export function pictureKey(participant: ParticipantId, source: PictureSource): string {
  return `${participant} ${source}`
}

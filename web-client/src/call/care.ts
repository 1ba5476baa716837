// What a person may settle about their own camera and microphone: what shows behind them, which
// device, what is filtered. Kept by this page alone, and gone with it.

import type { ReadonlySignal } from '@preact/signals'
import type { Backdrop, MaskingState } from './masking/messages'

/** What is behind the person in the picture that is sent: the room as it is, or something else. */
export type Background = 'none' | Backdrop

/** How far hiding the room has come; `off` when the room is shown as it is. Where it is neither `off`
 * nor `on`, what is sent shows nothing but blur, or nothing. */
export type Masking = 'off' | MaskingState

/** A camera or microphone of this machine. */
export interface Input {
  readonly id: string
  readonly label: string
}

/** Devices of which there may be several. */
export type InputKind = 'microphone' | 'camera'

/** The own devices with care. Actions return at once; what came of them shows in the signals. */
export interface Care {
  /** The own camera as it is or would be sent, during the check, the preview and the call. */
  readonly picture: ReadonlySignal<MediaStream | null>
  /** Loudness of the open microphone, 0 to 1. */
  readonly level: ReadonlySignal<number>
  readonly background: ReadonlySignal<Background>
  readonly masking: ReadonlySignal<Masking>
  /** What there is, once the browser may say it. */
  readonly inputs: ReadonlySignal<Readonly<Record<InputKind, readonly Input[]>>>
  /** The device in use, or the one to use next. */
  readonly chosen: ReadonlySignal<Readonly<Record<InputKind, string | null>>>
  readonly noiseSuppression: ReadonlySignal<boolean>
  /** True when the microphone is open and nothing at all has come from it for a while. */
  readonly unheard: ReadonlySignal<boolean>

  /** Shows something else behind the person, from now on; also tries again what was too slow. */
  setBackground(background: Background): void
  /** Uses this device from now on. From a click only. */
  choose(kind: InputKind, id: string): void
  setNoiseSuppression(on: boolean): void
  /** Says no more of it until the microphone is opened again. */
  dismissUnheard(): void
}

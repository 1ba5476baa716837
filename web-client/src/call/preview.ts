// The check before joining: camera and microphone for the person alone. Nothing is sent.

import type { Signal } from '@preact/signals'
import { openForCheck } from './devices'
import type { OwnDevices } from './own-devices'
import type { Problem } from './state'
import type { DeviceCheck } from './store'

/** An open check. */
export interface Preview {
  /** Releases both devices. */
  end(): void
}

/** Opens the check, from a click only; fills `check` until it is ended. */
export function openPreview(
  check: Signal<DeviceCheck | null>,
  own: OwnDevices,
  handleProblem: (problem: Problem) => void,
): Preview {
  let ended = false
  let stream: MediaStream | null = null
  const end = (): void => {
    ended = true
    own.detach('camera')
    own.detach('microphone')
    for (const track of stream?.getTracks() ?? []) track.stop()
    check.value = null
  }
  check.value = { opening: true, hasCamera: false, hasMicrophone: false }
  void openForCheck(own.wishes).then((opened) => {
    stream = opened.stream
    if (ended) {
      for (const track of stream?.getTracks() ?? []) track.stop()
      return
    }
    const hasCamera = (stream?.getVideoTracks().length ?? 0) > 0
    const hasMicrophone = (stream?.getAudioTracks().length ?? 0) > 0
    if (stream !== null) own.attach(stream)
    check.value = { opening: false, hasCamera, hasMicrophone }
    for (const problem of opened.problems) handleProblem(problem)
  })
  return { end }
}

// The check before joining: camera and microphone for the person alone. Nothing is sent.

import type { Signal } from '@preact/signals'
import { openForCheck } from './devices'
import { Loudness } from './loudness'
import type { Problem } from './state'
import type { DeviceCheck } from './store'

/** An open check. */
export interface Preview {
  /** Releases both devices. */
  end(): void
}

/** Opens the check, from a click only; fills `check` and `level` until it is ended. */
export function openPreview(
  check: Signal<DeviceCheck | null>,
  level: Signal<number>,
  handleProblem: (problem: Problem) => void,
): Preview {
  let ended = false
  let stream: MediaStream | null = null
  let loudness: Loudness | null = null
  const end = (): void => {
    ended = true
    loudness?.stop()
    for (const track of stream?.getTracks() ?? []) track.stop()
    check.value = null
    level.value = 0
  }
  check.value = { opening: true, stream: null, hasCamera: false, hasMicrophone: false }
  void openForCheck().then((opened) => {
    stream = opened.stream
    if (ended) {
      end()
      return
    }
    const hasCamera = (stream?.getVideoTracks().length ?? 0) > 0
    const hasMicrophone = (stream?.getAudioTracks().length ?? 0) > 0
    check.value = { opening: false, stream, hasCamera, hasMicrophone }
    for (const problem of opened.problems) handleProblem(problem)
    if (stream !== null && hasMicrophone) {
      loudness = new Loudness(stream, (value) => {
        level.value = value
      })
    }
  })
  return { end }
}

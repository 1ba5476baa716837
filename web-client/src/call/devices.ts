// The only place that opens a camera, a microphone or a screen. Every function here is reached
// from one person's click, and from nothing the server says.

import type { Input, InputKind } from './care'
import type { Problem } from './state'

/** The person's own devices. */
export type Device = 'microphone' | 'camera' | 'screen'

/** An opened device; `stop` on each of its tracks releases it. */
export interface OpenedDevice {
  readonly device: Device
  readonly stream: MediaStream
}

/** How the person wants their devices opened: which of several, and what is filtered. */
export interface Wishes extends Readonly<Record<InputKind, string | null>> {
  readonly noiseSuppression: boolean
}

/** Why a device did not open. */
export class DeviceError extends Error {
  constructor(readonly problem: Problem) {
    super(problem)
  }
}

/** Opens one device, asking the person through the browser. Rejects with `DeviceError` only. */
export async function openDevice(device: Device, wishes: Wishes): Promise<OpenedDevice> {
  try {
    return { device, stream: await streamOf(device, wishes) }
  } catch (error) {
    throw new DeviceError(problemOf(device, error))
  }
}

/** Opens what there is of camera and microphone, for the person to look at before joining. */
export async function openForCheck(
  wishes: Wishes,
): Promise<{ stream: MediaStream | null; problems: Problem[] }> {
  // One question of the browser for both, where it can.
  const both = navigator.mediaDevices as MediaDevices | undefined
  const stream = await both
    ?.getUserMedia({ audio: soundOf(wishes), video: cameraOf(wishes) })
    .catch(() => null)
  if (stream != null) return { stream, problems: [] }
  const tracks: MediaStreamTrack[] = []
  const problems: Problem[] = []
  for (const device of ['camera', 'microphone'] as const) {
    try {
      tracks.push(...(await openDevice(device, wishes)).stream.getTracks())
    } catch (error) {
      problems.push(problemOf(device, error))
    }
  }
  return { stream: tracks.length === 0 ? null : new MediaStream(tracks), problems }
}

/** Releases a device: its light goes off. */
export function releaseDevice({ stream }: OpenedDevice): void {
  for (const track of stream.getTracks()) track.stop()
}

/** Filters the sound of an open microphone as wished; false where this browser does not. */
export async function changeSound(microphone: MediaStreamTrack, wishes: Wishes): Promise<boolean> {
  try {
    const { noiseSuppression } = wishes
    await microphone.applyConstraints({ echoCancellation: true, noiseSuppression, autoGainControl: true })
    return microphone.getSettings().noiseSuppression === noiseSuppression
  } catch {
    return false
  }
}

/** Cameras and microphones of this machine that the browser names: none before one was allowed. */
export async function listInputs(): Promise<Record<InputKind, Input[]>> {
  const all = await navigator.mediaDevices.enumerateDevices().catch(() => [])
  const of = (kind: MediaDeviceKind) =>
    all
      .filter((device) => device.kind === kind && device.deviceId !== '' && device.label !== '')
      .map(({ deviceId, label }) => ({ id: deviceId, label }))
  return { microphone: of('audioinput'), camera: of('videoinput') }
}

async function streamOf(device: Device, wishes: Wishes): Promise<MediaStream> {
  const devices = mediaDevices(device)
  switch (device) {
    case 'microphone':
      return devices.getUserMedia({ audio: soundOf(wishes) })
    case 'camera': {
      const stream = await openCamera(devices, wishes)
      for (const track of stream.getVideoTracks()) track.contentHint = 'motion'
      return stream
    }
    case 'screen': {
      const stream = await devices.getDisplayMedia(SCREEN_OPTIONS)
      for (const track of stream.getVideoTracks()) track.contentHint = 'detail'
      return stream
    }
  }
}

/** The exact size first: at less, browsers leave a simulcast layer out. */
async function openCamera(devices: MediaDevices, wishes: Wishes): Promise<MediaStream> {
  const rest = { ...cameraOf(wishes), frameRate: { ideal: 24, max: 30 } }
  try {
    return await devices.getUserMedia({
      video: { ...rest, width: { exact: 960 }, height: { exact: 540 } },
    })
  } catch (error) {
    if (nameOf(error) !== 'OverconstrainedError') throw error
    return devices.getUserMedia({ video: { ...rest, width: { ideal: 960 }, height: { ideal: 540 } } })
  }
}

/** The one that was chosen, while it is there. */
function cameraOf({ camera }: Wishes): MediaTrackConstraints {
  return camera === null ? { facingMode: 'user' } : { deviceId: { ideal: camera } }
}

function soundOf({ microphone, noiseSuppression }: Wishes): MediaTrackConstraints {
  const filters = { echoCancellation: true, noiseSuppression, autoGainControl: true }
  return microphone === null ? filters : { ...filters, deviceId: { ideal: microphone } }
}

function mediaDevices(device: Device): MediaDevices {
  // Absent outside secure contexts, whatever the type says.
  const devices = navigator.mediaDevices as MediaDevices | undefined
  if (devices !== undefined) return devices
  if (!globalThis.isSecureContext) throw new DeviceError('insecure_context')
  throw new DeviceError(device === 'screen' ? 'screen_failed' : `${device}_missing`)
}

/** The cause behind the browser's exception (Media Capture and Streams, section 10.2). */
export function problemOf(device: Device, error: unknown): Problem {
  if (error instanceof DeviceError) return error.problem
  switch (nameOf(error)) {
    case 'NotAllowedError':
    case 'SecurityError':
      return `${device}_refused`
    case 'NotFoundError':
    case 'OverconstrainedError':
      return device === 'screen' ? 'screen_failed' : `${device}_missing`
    default:
      return device === 'screen' ? 'screen_failed' : `${device}_busy`
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : ''
}

/** Windows and tabs before whole screens: less is shown by accident. */
const SCREEN_OPTIONS: DisplayMediaStreamOptions & Record<string, unknown> = {
  video: { width: { max: 1920 }, height: { max: 1080 }, frameRate: { max: 15 }, displaySurface: 'window' },
  audio: true,
  // Chromium: what the picker offers first and whether this very tab is in it.
  selfBrowserSurface: 'exclude',
  monitorTypeSurfaces: 'include',
  preferCurrentTab: false,
  surfaceSwitching: 'include',
  systemAudio: 'exclude',
}

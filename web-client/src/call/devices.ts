// The only place that opens a camera, a microphone or a screen. Every function here is reached
// from one person's click, and from nothing the server says.

import type { Problem } from './state'

/** The person's own devices. */
export type Device = 'microphone' | 'camera' | 'screen'

/** An opened device; `stop` on each of its tracks releases it. */
export interface OpenedDevice {
  readonly device: Device
  readonly stream: MediaStream
}

/** Why a device did not open. */
export class DeviceError extends Error {
  constructor(readonly problem: Problem) {
    super(problem)
  }
}

/** Opens one device, asking the person through the browser. Rejects with `DeviceError` only. */
export async function openDevice(device: Device): Promise<OpenedDevice> {
  try {
    return { device, stream: await streamOf(device) }
  } catch (error) {
    throw new DeviceError(problemOf(device, error))
  }
}

/** Opens what there is of camera and microphone, for the person to look at before joining. */
export async function openForCheck(): Promise<{ stream: MediaStream | null; problems: Problem[] }> {
  // One question of the browser for both, where it can.
  const both = navigator.mediaDevices as MediaDevices | undefined
  const stream = await both?.getUserMedia({ audio: true, video: true }).catch(() => null)
  if (stream != null) return { stream, problems: [] }
  const tracks: MediaStreamTrack[] = []
  const problems: Problem[] = []
  for (const device of ['camera', 'microphone'] as const) {
    try {
      tracks.push(...(await openDevice(device)).stream.getTracks())
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

async function streamOf(device: Device): Promise<MediaStream> {
  const devices = mediaDevices(device)
  switch (device) {
    case 'microphone':
      return devices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      })
    case 'camera': {
      const stream = await openCamera(devices)
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
async function openCamera(devices: MediaDevices): Promise<MediaStream> {
  const rest = { facingMode: 'user', frameRate: { ideal: 24, max: 30 } }
  try {
    return await devices.getUserMedia({
      video: { ...rest, width: { exact: 960 }, height: { exact: 540 } },
    })
  } catch (error) {
    if (nameOf(error) !== 'OverconstrainedError') throw error
    return devices.getUserMedia({ video: { ...rest, width: { ideal: 960 }, height: { ideal: 540 } } })
  }
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

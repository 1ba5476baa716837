import { afterEach, describe, expect, it, vi } from 'vitest'
import { changeSound, type Device, DeviceError, listInputs, openDevice, openForCheck, problemOf, type Wishes } from './devices'

const failure = (name: string): DOMException => new DOMException('', name)
const ANY: Wishes = { microphone: null, camera: null, noiseSuppression: true }
const track = (): object => ({ contentHint: '', stop: vi.fn() })

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('a device that does not open', () => {
  it.each([
    ['microphone', 'NotAllowedError', 'microphone_refused'],
    ['camera', 'NotAllowedError', 'camera_refused'],
    ['screen', 'NotAllowedError', 'screen_refused'],
    ['camera', 'SecurityError', 'camera_refused'],
    ['microphone', 'NotFoundError', 'microphone_missing'],
    ['camera', 'OverconstrainedError', 'camera_missing'],
    ['camera', 'NotReadableError', 'camera_busy'],
    ['microphone', 'AbortError', 'microphone_busy'],
    ['screen', 'NotReadableError', 'screen_failed'],
    ['screen', 'NotFoundError', 'screen_failed'],
  ] as [Device, string, string][])('%s with %s is %s', (device, name, problem) => {
    expect(problemOf(device, failure(name))).toBe(problem)
  })

  it('says when the page may open none', async () => {
    vi.stubGlobal('navigator', {})
    vi.stubGlobal('isSecureContext', false)
    await expect(openDevice('camera', ANY)).rejects.toEqual(new DeviceError('insecure_context'))
    expect(await openForCheck(ANY)).toEqual({ stream: null, problems: ['insecure_context', 'insecure_context'] })
  })
})

describe('a camera', () => {
  it('is asked for its exact size first, then for what it has', async () => {
    const asked: unknown[] = []
    const getUserMedia = (constraints: MediaStreamConstraints): Promise<unknown> => {
      asked.push(constraints.video)
      if (asked.length === 1) return Promise.reject(failure('OverconstrainedError'))
      return Promise.resolve({ getVideoTracks: () => [track()] })
    }
    vi.stubGlobal('navigator', { mediaDevices: { getUserMedia } })
    await openDevice('camera', ANY)
    expect(asked).toMatchObject([{ width: { exact: 960 } }, { width: { ideal: 960 } }])
  })

  it('that is refused is not asked for twice', async () => {
    const getUserMedia = vi.fn(() => Promise.reject(failure('NotAllowedError')))
    vi.stubGlobal('navigator', { mediaDevices: { getUserMedia } })
    await expect(openDevice('camera', ANY)).rejects.toThrow('camera_refused')
    expect(getUserMedia).toHaveBeenCalledTimes(1)
  })
})

describe('the check before joining', () => {
  it('shows the one device there is, and says what is missing', async () => {
    vi.stubGlobal(
      'MediaStream',
      class {
        constructor(readonly tracks: object[]) {}
      },
    )
    const microphone = track()
    const getUserMedia = ({ video }: MediaStreamConstraints): Promise<unknown> =>
      video === undefined
        ? Promise.resolve({ getTracks: () => [microphone] })
        : Promise.reject(failure('NotFoundError'))
    vi.stubGlobal('navigator', { mediaDevices: { getUserMedia } })
    const { stream, problems } = await openForCheck(ANY)
    expect(problems).toEqual(['camera_missing'])
    expect(stream).toMatchObject({ tracks: [microphone] })
  })
})

describe('wishes', () => {
  it('choose among several devices, and what is filtered', async () => {
    const asked: MediaStreamConstraints[] = []
    const getUserMedia = (constraints: MediaStreamConstraints): Promise<unknown> => {
      asked.push(constraints)
      return Promise.resolve({ getVideoTracks: () => [track()] })
    }
    vi.stubGlobal('navigator', { mediaDevices: { getUserMedia } })
    const wishes: Wishes = { microphone: 'm2', camera: 'c2', noiseSuppression: false }
    await openDevice('camera', wishes)
    await openDevice('microphone', wishes)
    await openForCheck(wishes)
    expect(asked).toMatchObject([
      { video: { deviceId: { ideal: 'c2' } } },
      { audio: { deviceId: { ideal: 'm2' }, noiseSuppression: false } },
      { audio: { deviceId: { ideal: 'm2' } }, video: { deviceId: { ideal: 'c2' } } },
    ])
  })

  it.each([
    ['filters as it was asked', () => Promise.resolve(), false, true],
    ['goes on as before', () => Promise.resolve(), true, false],
    ['refuses', () => Promise.reject(failure('OverconstrainedError')), true, false],
  ])('are told of a microphone that %s', async (_, applyConstraints, noiseSuppression, expected) => {
    const microphone = { applyConstraints, getSettings: () => ({ noiseSuppression }) } as unknown as MediaStreamTrack
    expect(await changeSound(microphone, { ...ANY, noiseSuppression: false })).toBe(expected)
  })
})

it('lists only devices that the browser names', async () => {
  const enumerateDevices = () =>
    Promise.resolve([
      { kind: 'audioinput', deviceId: '', label: '' },
      { kind: 'audioinput', deviceId: 'm1', label: 'Casque' },
      { kind: 'audiooutput', deviceId: 's1', label: 'Haut-parleur' },
      { kind: 'videoinput', deviceId: 'c1', label: '' },
    ])
  vi.stubGlobal('navigator', { mediaDevices: { enumerateDevices } })
  expect(await listInputs()).toEqual({ microphone: [{ id: 'm1', label: 'Casque' }], camera: [] })
})

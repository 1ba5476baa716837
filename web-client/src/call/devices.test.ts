import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Device, DeviceError, openDevice, openForCheck, problemOf } from './devices'

const failure = (name: string): DOMException => new DOMException('', name)
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
    await expect(openDevice('camera')).rejects.toEqual(new DeviceError('insecure_context'))
    expect(await openForCheck()).toEqual({ stream: null, problems: ['insecure_context', 'insecure_context'] })
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
    await openDevice('camera')
    expect(asked).toMatchObject([{ width: { exact: 960 } }, { width: { ideal: 960 } }])
  })

  it('that is refused is not asked for twice', async () => {
    const getUserMedia = vi.fn(() => Promise.reject(failure('NotAllowedError')))
    vi.stubGlobal('navigator', { mediaDevices: { getUserMedia } })
    await expect(openDevice('camera')).rejects.toThrow('camera_refused')
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
    const { stream, problems } = await openForCheck()
    expect(problems).toEqual(['camera_missing'])
    expect(stream).toMatchObject({ tracks: [microphone] })
  })
})

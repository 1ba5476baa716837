import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Request } from '../protocol/connection'
import { Sender } from './sending'

/** As much of a peer connection as a sender uses: what each section sends, in order. */
class FakeConnection {
  readonly sections: { kind: string; sent: (string | null)[]; currentDirection: string | null }[] = []

  addTransceiver(what: string | { kind: string; id: string }): object {
    const isTrack = typeof what !== 'string'
    const section = { kind: isTrack ? what.kind : what, sent: [isTrack ? what.id : null], currentDirection: 'sendonly' }
    this.sections.push(section)
    return Object.assign(section, {
      mid: String(this.sections.length),
      setCodecPreferences: () => undefined,
      getHeaderExtensionsToNegotiate: () => [],
      sender: {
        getParameters: () => ({ encodings: [], codecs: [] }),
        setParameters: () => Promise.resolve(),
        replaceTrack: (track: { id: string } | null) => {
          section.sent.push(track?.id ?? null)
          return Promise.resolve()
        },
      },
    })
  }

  /** What leaves now, by the kind of each section. */
  get leaving(): (string | null)[] {
    return this.sections.map(({ sent }) => sent.at(-1) ?? null)
  }
}

const track = (id: string, kind = 'audio') => ({ id, kind }) as unknown as MediaStreamTrack

let said: Request[]
let sender: Sender

beforeEach(() => {
  vi.stubGlobal('RTCRtpSender', { getCapabilities: () => null })
  said = []
  sender = new Sender(
    (request) => {
      said.push(request)
      return Promise.resolve({ type: 'done', requestId: 1 })
    },
    () => undefined,
    () => 'clear',
  )
})

afterEach(() => {
  vi.unstubAllGlobals()
})

function connect(): FakeConnection {
  const pc = new FakeConnection()
  sender.attach(pc as unknown as RTCPeerConnection, true, null)
  return pc
}

describe('a sender', () => {
  it('r20_sends_nothing_while_it_is_held_back_and_then_goes_on_with_what_is_on', () => {
    const pc = connect()
    sender.set('microphone', track('voice'))
    sender.set('camera', track('face', 'video'))
    const told = said.length
    expect(sender.hold(true)).toBe(true)
    expect(pc.leaving).toEqual([null, null])
    expect(sender.hold(true)).toBe(false)
    // Opened, changed and closed meanwhile; the server hears what is on, as ever.
    sender.set('screen', track('slides', 'video'))
    sender.set('microphone', track('headset'))
    sender.set('camera', null)
    expect(pc.leaving).toEqual([null, null, null])
    expect(said.slice(told)).toEqual([
      { type: 'set_publishing', source: 'screen', active: true },
      { type: 'set_publishing', source: 'camera', active: false },
    ])
    sender.hold(false)
    expect(pc.leaving).toEqual(['headset', null, 'slides'])
  })

  it('is held back through another connection, too', () => {
    connect()
    sender.set('microphone', track('voice'))
    sender.hold(true)
    const pc = connect()
    expect(pc.sections.flatMap(({ sent }) => sent)).toEqual([null, null])
    sender.hold(false)
    expect(pc.leaving).toEqual(['voice', null])
  })
})

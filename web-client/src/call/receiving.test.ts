import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Answer, RequestError, type Request } from '../protocol/connection'
import type { SlotRequest } from '../protocol/generated'
import { Receiver, type Wanted } from './receiving'
import type { Unit } from './slots'
import type { ParticipantId } from './state'

const id = (name: string): ParticipantId => name as ParticipantId
const person = (name: string): Unit => ({ participant: id(name), kind: 'person' })

/** As much of a peer connection as a receiver uses; the test plays the negotiation. */
class FakeConnection {
  connectionState = 'connected'
  readonly transceivers: { mid: string | null; currentDirection: string | null; kind: string }[] = []

  addTransceiver(kind: string): object {
    const transceiver = {
      mid: null,
      currentDirection: null,
      kind,
      receiver: { track: { kind }, getSynchronizationSources: () => [] },
      setCodecPreferences: () => undefined,
    }
    this.transceivers.push(transceiver)
    return transceiver
  }

  negotiate(): void {
    this.transceivers.forEach((transceiver, index) => {
      transceiver.mid = String(index)
      transceiver.currentDirection = 'recvonly'
    })
  }
}

describe('a receiver', () => {
  let pc: FakeConnection
  let receiver: Receiver
  let asked: { slots: SlotRequest[]; settle: (error?: RequestError) => Promise<void> }[]
  let offers: number
  let heights: Map<string, number>

  beforeEach(() => {
    vi.useFakeTimers()
    vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => null })
    vi.stubGlobal('MediaStream', EventTarget)
    pc = new FakeConnection()
    asked = []
    offers = 0
    heights = new Map()
    const request = (message: Request): Promise<Answer> =>
      new Promise((resolve, reject) => {
        if (message.type !== 'subscribe') throw new Error('only subscriptions are expected')
        const settle = async (error?: RequestError): Promise<void> => {
          if (error === undefined) resolve({ type: 'done', requestId: 1 })
          else reject(error)
          await vi.advanceTimersByTimeAsync(0)
        }
        asked.push({ slots: message.slots, settle })
      })
    receiver = new Receiver(
      pc as unknown as RTCPeerConnection,
      true,
      request,
      () => {
        offers += 1
      },
      () => undefined,
    )
  })

  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  const wanted = (on: Unit[], quiet: Unit[] = []): Wanted => ({
    on,
    quiet,
    shownHeight: (participant) => heights.get(participant) ?? null,
  })

  /** Wants, negotiates the slots this takes, and asks. */
  const want = (on: Unit[], quiet: Unit[] = []): void => {
    receiver.want(wanted(on, quiet))
    pc.negotiate()
    void receiver.sync()
  }

  const settle = async (index: number, error?: RequestError): Promise<void> => {
    await asked[index]?.settle(error)
  }

  it('begins with four pairs, and grows by four when they do not suffice', () => {
    want([])
    expect(pc.transceivers.map(({ kind }) => kind).join()).toBe('audio,video,'.repeat(4).slice(0, -1))
    want(['a', 'b', 'c', 'd', 'e'].map(person))
    expect(pc.transceivers).toHaveLength(16)
    expect(offers).toBe(2)
  })

  it('has no place for pictures in a room of voices, and asks for the voices alone', async () => {
    const request = (message: Request): Promise<Answer> => {
      asked.push({ slots: message.type === 'subscribe' ? message.slots : [], settle: () => Promise.resolve() })
      return Promise.resolve({ type: 'done', requestId: 1 })
    }
    const nothing = () => undefined
    receiver = new Receiver(pc as unknown as RTCPeerConnection, false, request, nothing, nothing)
    want([person('a')])
    await vi.advanceTimersByTimeAsync(0)
    expect(pc.transceivers.map(({ kind }) => kind)).toEqual(['audio', 'audio', 'audio', 'audio'])
    expect(asked.flatMap(({ slots }) => slots)).toEqual([
      { mid: '0', track: { participant: 'a', source: 'microphone' }, maxHeight: null },
    ])
    expect(receiver.pictureOf(id('a'), 'camera')).toBeNull()
    receiver.resync()
    await vi.advanceTimersByTimeAsync(0)
    expect(asked).toHaveLength(2)
  })

  it('subscribes to nothing before its slots are negotiated', () => {
    receiver.want(wanted([person('a')]))
    expect(asked).toEqual([])
  })

  it('asks for the voice and the face of one person on one pair', async () => {
    want([person('a')])
    expect(asked[0]?.slots).toEqual([
      { mid: '0', track: { participant: 'a', source: 'microphone' }, maxHeight: null },
      { mid: '1', track: { participant: 'a', source: 'camera' }, maxHeight: null },
    ])
    expect(receiver.pictureOf(id('a'), 'camera')).toBeNull()
    await settle(0)
    expect(receiver.pictureOf(id('a'), 'camera')).not.toBeNull()
    expect(receiver.pictureOf(id('a'), 'screen')).toBeNull()
  })

  it('asks one question at a time and only for what changed', async () => {
    want([person('a')])
    want([person('a'), person('b')])
    want([person('a'), person('b'), person('c')])
    expect(asked).toHaveLength(1)
    await settle(0)
    expect(asked).toHaveLength(2)
    expect(asked[1]?.slots.map(({ track }) => track?.participant)).toEqual(['b', 'b', 'c', 'c'])
    await settle(1)
    want([person('a'), person('b'), person('c')])
    expect(asked).toHaveLength(2)
  })

  it('empties the pair of somebody who left', async () => {
    want([person('a')])
    await settle(0)
    want([])
    expect(asked[1]?.slots).toEqual([
      { mid: '0', track: null, maxHeight: null },
      { mid: '1', track: null, maxHeight: null },
    ])
    await settle(1)
    expect(receiver.pictureOf(id('a'), 'camera')).toBeNull()
  })

  it('shows each person through a stream object of their own', async () => {
    want(['a', 'b', 'c', 'd'].map(person))
    await settle(0)
    const before = receiver.pictureOf(id('a'), 'camera')
    want(['e', 'b', 'c', 'd'].map(person))
    await settle(1)
    expect(receiver.pictureOf(id('a'), 'camera')).toBeNull()
    expect(receiver.pictureOf(id('e'), 'camera')).not.toBe(before)
  })

  it('does not receive a picture that is not shown, and tells the height of one that is', async () => {
    heights.set('a', 0)
    want([person('a')])
    expect(asked[0]?.slots.map(({ mid }) => mid)).toEqual(['0'])
    await settle(0)
    heights.set('a', 270)
    want([person('a')])
    expect(asked[1]?.slots).toEqual([
      { mid: '1', track: { participant: 'a', source: 'camera' }, maxHeight: 270 },
    ])
  })

  it('asks again for what was not wanted for a moment, since the server may have taken it away', async () => {
    want([person('a'), person('b')])
    await settle(0)
    // The answer to something else is still awaited meanwhile.
    want([person('a'), person('b'), person('c')])
    heights.set('a', 0)
    want([person('a'), person('b'), person('c')])
    heights.clear()
    want([person('a'), person('b'), person('c')])
    await settle(1)
    expect(asked[2]?.slots).toEqual([{ mid: '1', track: { participant: 'a', source: 'camera' }, maxHeight: null }])
  })

  it('asks again after a refusal', async () => {
    want([person('a')])
    await settle(0, new RequestError('track_unknown'))
    expect(asked).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1000)
    expect(asked).toHaveLength(2)
  })

  it('waits for signaling when the question was lost, then tells everything again', async () => {
    want([person('a')])
    await settle(0)
    want([person('a'), person('b')])
    await settle(1, new RequestError('lost'))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(asked).toHaveLength(2)
    receiver.resync()
    expect(asked[2]?.slots.map(({ track }) => track?.participant)).toEqual(['a', 'a', 'b', 'b'])
  })
})

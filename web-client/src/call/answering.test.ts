import { describe, expect, it, vi } from 'vitest'
import { type Answer, type Request, RequestError } from '../protocol/connection'
import type { RecordingInfo } from '../protocol/generated'
import { Answering, type KeyRelease } from './answering'
import { type CallEvent, type CallModel, INITIAL_MODEL } from './model'
import { NO_RECORDING } from './recording'

const INFO: RecordingInfo = {
  recording: 'AAAAAAAAAAAAAAAAAAAAAA',
  terms: { purpose: 'revision', details: 'Les volcans', retentionDays: 7, audience: 'La classe' },
  askedBy: 'BBBBBBBBBBB',
  askedByName: '',
  recipients: [],
  recipientsSignature: null,
  startedAt: 1_800_000_000,
  textVersion: 1,
}
const answer = (accepted: boolean) => ({ recording: INFO.recording, accepted })

/** A page in an encrypted room, and what happened in order. */
function page(begin: () => Promise<boolean> = () => Promise.resolve(true), refuses: RequestError['code'] | null = null) {
  const log: string[] = []
  const events: CallEvent[] = []
  const model: CallModel = { ...INITIAL_MODEL, signaling: 'up', view: { ...INITIAL_MODEL.view, recording: { ...NO_RECORDING, info: INFO } } }
  const keys: KeyRelease = {
    beginRelease: () => {
      log.push('keys')
      return begin()
    },
    haltRelease: () => {
      log.push('halt')
    },
    endRelease: () => {
      log.push('end')
      return Promise.resolve()
    },
  }
  const request = (request: Request): Promise<Answer> => {
    log.push(request.type === 'answer_recording' ? (request.accepted ? 'yes' : 'no') : request.type)
    if (refuses !== null) return Promise.reject(new RequestError(refuses))
    return Promise.resolve({ type: 'recording_answered', requestId: 1, receipt: '{}' })
  }
  const answering = new Answering({ model: () => model, request, dispatch: (event) => events.push(event), keys: () => keys })
  return { answering, log, events }
}

describe('an answer in an encrypted room', () => {
  it('is a yes only once the own keys were handed out', async () => {
    const { answering, log, events } = page()
    await answering.send(answer(true))
    expect(log).toEqual(['keys', 'yes'])
    expect(events).toEqual([{ type: 'recording_settled', answer: answer(true), receipt: '{}', inDoubt: false }])
  })

  it('is a no first, and then the keys that were handed out are left behind', async () => {
    const { answering, log } = page()
    await answering.send(answer(false))
    expect(log).toEqual(['halt', 'no', 'end'])
  })

  it('is no yes where the keys could not be handed out, or the server took none', async () => {
    const without = page(() => Promise.reject(new RequestError('overloaded')))
    await without.answering.send(answer(true))
    expect(without.log).toEqual(['keys', 'end'])
    expect(without.events[0]).toEqual({ type: 'recording_settled', answer: answer(true), receipt: null, inDoubt: false })
    const refused = page(undefined, 'no_recording')
    await refused.answering.send(answer(true))
    expect(refused.log).toEqual(['keys', 'yes', 'end'])
  })

  it('is in doubt where nobody knows whether the server took it', async () => {
    for (const [code, inDoubt] of [['lost', true], ['rate_limited', true], ['overloaded', false]] as const) {
      const said = page(undefined, code)
      await said.answering.send(answer(true))
      expect(said.events[0], code).toEqual({ type: 'recording_settled', answer: answer(true), receipt: null, inDoubt })
    }
    // Nothing was said yet.
    const unsaid = page(() => Promise.reject(new RequestError('lost')))
    await unsaid.answering.send(answer(true))
    expect(unsaid.events[0]).toMatchObject({ inDoubt: false })
  })

  it('is no yes any more where a no was clicked while the keys were handed out', async () => {
    const { answering, log } = page(vi.fn(() => Promise.resolve(false)))
    await Promise.all([answering.send(answer(true)), answering.send(answer(false))])
    expect(log).toEqual(['keys', 'halt', 'no', 'end'])
  })
})

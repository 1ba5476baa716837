import { signal } from '@preact/signals'
import { Decrypter, generateIdentity, identityToRecipient } from 'age-encryption'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Asked, signRecording } from '../e2ee/recipients'
import type { OwnKeys } from '../e2ee/own-keys'
import { parseRelease } from '../e2ee/release'
import { hostKeyOf } from '../host-key'
import { fromBase64Url } from '../link'
import { type Request, RequestError } from '../protocol/connection'
import type { RecordingInfo } from '../protocol/generated'
import { Releasing } from './releasing'
import type { ParticipantId } from './state'

const MODERATOR = new Uint8Array(16).fill(1)
const ROOM = 'AAAAAAAAAAAAAAAAAAAAAA'
const RECORDING = 'BBBBBBBBBBBBBBBBBBBBBA'
const SELF = { participant: 'CCCCCCCCCCA' as ParticipantId, name: 'Zoé' }
const identity = await generateIdentity()
const recipient = await identityToRecipient(identity)
const { publicKey } = await hostKeyOf(MODERATOR)
const ASKED: Asked = {
  recording: RECORDING,
  terms: { purpose: 'revision', details: 'Les volcans', retentionDays: 7, audience: 'La classe' },
  askedBy: 'BBBBBBBBBBA',
  recipients: [{ name: null, key: recipient }],
}
const INFO: RecordingInfo = {
  ...ASKED,
  askedByName: '',
  recipientsSignature: await signRecording(MODERATOR, ROOM, ASKED),
  startedAt: 1_800_000_000,
  textVersion: 1,
}

/** A page in a circle that is in epoch 5. */
function page() {
  const keysOf = (epoch: number): OwnKeys => ({ epoch, leaf: 2, baseKey: new Uint8Array(16).fill(epoch) })
  const ownKeys = signal<OwnKeys | null>(keysOf(5))
  /** What happened, in order. */
  const log: string[] = []
  const faults: string[] = []
  let known: Uint8Array<ArrayBuffer> | null = publicKey
  const moveOn = () => {
    ownKeys.value = keysOf((ownKeys.value?.epoch ?? 0) + 1)
  }
  const holder = {
    ownKeys,
    rotate: () => {
      moveOn()
      log.push(`epoch ${ownKeys.value?.epoch ?? 0}`)
      return Promise.resolve()
    },
  }
  const request = async (request: Request) => {
    if (request.type !== 'release_keys') throw new TypeError(request.type)
    const fault = faults.shift()
    if (fault !== undefined) throw new RequestError('overloaded')
    const decrypter = new Decrypter()
    decrypter.addIdentity(identity)
    const release = parseRelease(await decrypter.decrypt(fromBase64Url(request.sealed) ?? new Uint8Array(), 'text'))
    expect(release).toMatchObject({ recording: request.recording, ...SELF })
    log.push(`keys of ${release?.epoch ?? 0}`)
    return { type: 'done' as const, requestId: 1 }
  }
  const releasing = new Releasing(ROOM, holder, { request, self: () => SELF, hostKey: () => known })
  return { releasing, log, faults, moveOn, ownKeys, forget: () => { known = null } }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
})

describe('a yes in an encrypted room', () => {
  it('moves the circle on before any key is handed out, and again when it is over', async () => {
    const { releasing, log } = page()
    expect(await releasing.begin(INFO)).toBe(true)
    expect(log).toEqual(['epoch 6', 'keys of 6'])
    await releasing.end()
    expect(log).toEqual(['epoch 6', 'keys of 6', 'epoch 7'])
    await releasing.end()
    expect(log).toHaveLength(3)
  })

  it('hands out the keys of every epoch while it stands, in order, and none afterwards', async () => {
    const { releasing, log, moveOn, faults } = page()
    await releasing.begin(INFO)
    // A server that is overloaded for a while gets them all the same.
    faults.push('first', 'second')
    moveOn()
    moveOn()
    await vi.waitFor(() => {
      vi.advanceTimersByTime(1_000)
      expect(log).toEqual(['epoch 6', 'keys of 6', 'keys of 7', 'keys of 8'])
    })
    await releasing.end()
    moveOn()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(log.slice(4)).toEqual(['epoch 9'])
  })

  it('is none where the recipients or the terms are not those of the host key', async () => {
    const stranger = await identityToRecipient(await generateIdentity())
    const added = [...INFO.recipients, { name: 'Direction', key: stranger }]
    const terms = { ...INFO.terms, retentionDays: 30 }
    for (const info of [{ ...INFO, recipients: added }, { ...INFO, terms }, { ...INFO, recipientsSignature: null }]) {
      const { releasing, log } = page()
      expect(await releasing.isVouchedFor(info)).toBe(false)
      await expect(releasing.begin(info)).rejects.toThrow(RequestError)
      expect(log).toEqual([])
    }
    const { releasing, log, forget } = page()
    expect(await releasing.isVouchedFor(INFO)).toBe(true)
    forget()
    await expect(releasing.begin(INFO)).rejects.toThrow(RequestError)
    expect(log).toEqual([])
  })

  it('is none where its keys cannot be kept, and the circle moves on all the same', async () => {
    const { releasing, log, faults, moveOn } = page()
    faults.push('first')
    await expect(releasing.begin(INFO)).rejects.toThrow(RequestError)
    moveOn()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(log).toEqual(['epoch 6'])
    await releasing.end()
    expect(log).toEqual(['epoch 6', 'epoch 8'])
  })

  it('that is taken back before it was heard hands nothing more out', async () => {
    const { releasing, log, moveOn } = page()
    const begun = releasing.begin(INFO)
    await releasing.end()
    expect(await begun).toBe(false)
    moveOn()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(log).toEqual(['epoch 6'])
  })

  it('is none outside the circle', async () => {
    const asked = vi.fn()
    const holder = { ownKeys: signal(null), rotate: () => Promise.resolve() }
    const away = new Releasing(ROOM, holder, { request: asked, self: () => SELF, hostKey: () => publicKey })
    await expect(away.begin(INFO)).rejects.toThrow(RequestError)
    await away.end()
    expect(asked).not.toHaveBeenCalled()
  })
})

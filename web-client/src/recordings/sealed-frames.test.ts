import { describe, expect, it } from 'vitest'
import { clearPrefix } from '../e2ee/codec'
import type { OwnKeys } from '../e2ee/own-keys'
import { releaseOf } from '../e2ee/release'
import { encodeKeyId, FrameKey, seal, type Source } from '../e2ee/sframe'
import { type Block, FrameOpener, Keyring, type Sealing } from './sealed-frames'

const CAMERA: Sealing = { codec: 'vp8', source: 'camera', raw: false }
const KEY_FRAME = Uint8Array.from([0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1, 11, 12, 13])
const DELTA = Uint8Array.from([0x11, 0, 0, 21, 22])

function own(epoch: number, secret = 1, leaf = 3): OwnKeys {
  return { epoch, leaf, baseKey: new Uint8Array(16).fill(secret) }
}

/** As the sender's worker seals it. */
async function sealed(keys: OwnKeys, source: Source, counter: number, frame: Uint8Array<ArrayBuffer>, prefix: number) {
  const kid = encodeKeyId({ source, level: 0, leaf: keys.leaf, epoch: keys.epoch })
  const key = await FrameKey.derive(keys.baseKey, kid, 'encrypt')
  return seal(key, kid, counter, frame.slice(prefix), frame.slice(0, prefix))
}

async function ringOf(...all: readonly OwnKeys[]): Promise<Keyring> {
  return new Keyring(await Promise.all(all.map((one) => releaseOf('R', { participant: 'P', name: '' }, one))))
}

function openerOf(keyring: Keyring, sealing: Sealing): FrameOpener {
  return new FrameOpener(() => Promise.resolve(keyring), sealing)
}

describe('a keyring', () => {
  it('opens what its person sent while they released their keys, and nothing else', async () => {
    const ring = await ringOf(own(4), own(5))
    const prefix = (frame: Uint8Array) => clearPrefix('video/vp8', false, frame) ?? 0
    for (const epoch of [4, 5]) {
      for (const frame of [KEY_FRAME, DELTA]) {
        expect(await ring.open(await sealed(own(epoch), 'camera', 9, frame, prefix(frame)), CAMERA)).toEqual(frame)
      }
    }
    const frame = await sealed(own(4), 'camera', 1, KEY_FRAME, 10)
    for (const [why, other] of [
      ['before the yes', await sealed(own(3), 'camera', 1, KEY_FRAME, 10)],
      ['after the withdrawal', await sealed(own(6), 'camera', 1, KEY_FRAME, 10)],
      ['somebody else', await sealed(own(4, 1, 2), 'camera', 1, KEY_FRAME, 10)],
      ['another source', await sealed(own(4), 'screen', 1, KEY_FRAME, 10)],
      ['in clear', KEY_FRAME],
      ['cut', frame.slice(0, 12)],
      ['empty', new Uint8Array()],
      ['altered', frame.map((byte, i) => (i === frame.length - 1 ? byte ^ 1 : byte))],
      ['altered in what stays in clear', frame.map((byte, i) => (i === 6 ? byte ^ 1 : byte))],
    ] as const) {
      expect(await ring.open(other, CAMERA), why).toBeNull()
    }
    expect(await new Keyring([]).open(frame, CAMERA)).toBeNull()
  })

  it('tells epochs apart that have one key id, however often they take turns', async () => {
    const epochs = [own(4, 1), own(260, 2), own(516, 3)]
    const ring = await ringOf(...epochs, ...epochs)
    for (const [i, turn] of [0, 1, 1, 2, 0, 2, 1, 0].entries()) {
      const keys = epochs[turn] ?? own(4)
      expect(await ring.open(await sealed(keys, 'camera', i, DELTA, 3), CAMERA)).toEqual(DELTA)
    }
    expect(await ring.open(await sealed(own(772, 4), 'camera', 0, DELTA, 3), CAMERA)).toBeNull()
  })
})

describe('the frames of a track', () => {
  it('come out with a gap where one cannot be opened', async () => {
    const keys = own(4)
    const frames = [await sealed(keys, 'microphone', 0, DELTA, 0), KEY_FRAME, await sealed(keys, 'microphone', 1, DELTA, 0)]
    const opener = openerOf(await ringOf(keys), { codec: 'opus', source: 'microphone', raw: false })
    const blocks = await opener.open(frames.map((data, i) => ({ ms: i * 20, isKey: true, data })))
    expect(blocks.map(({ ms, data }) => [ms, data === null])).toEqual([[0, false], [20, true], [40, false]])
    expect(opener.config).toBeNull()
  })

  it('of layers that were sealed one by one are whole pictures again', async () => {
    const keys = own(4)
    const layer = (counter: number, ...bytes: number[]) => sealed(keys, 'camera', counter, Uint8Array.from(bytes), 0)
    const packets = async () => [
      { ms: 0, isKey: true, data: await layer(0, 1, 2) },
      { ms: 0, isKey: false, data: await layer(1, 3) },
      { ms: 33, isKey: false, data: await layer(2, 4) },
      { ms: 66, isKey: false, data: await layer(3, 5) },
      { ms: 66, isKey: false, data: Uint8Array.of(6) },
    ]
    const opened = async (sealing: Sealing): Promise<readonly (readonly number[] | null)[]> => {
      const blocks: readonly Block[] = await openerOf(await ringOf(keys), sealing).open(await packets())
      return blocks.map(({ data }) => (data === null ? null : [...data]))
    }
    const index = [0xd9, 2, 0, 0, 0, 1, 0, 0, 0, 0xd9]
    expect(await opened({ codec: 'vp9', source: 'camera', raw: false })).toEqual([[1, 2, 3, ...index], [4], null])
    expect(await opened({ codec: 'av1', source: 'camera', raw: true })).toEqual([[1, 2, 3], [4], null])
    expect(await opened({ codec: 'h264', source: 'camera', raw: true })).toEqual([[1, 2], [3], [4], [5], null])
    // Only what may be sent that way is opened.
    expect(await opened({ codec: 'h264', source: 'camera', raw: false })).toEqual([null, null, null, null, null])
  })
})

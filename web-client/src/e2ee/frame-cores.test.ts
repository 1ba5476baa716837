import { beforeEach, describe, expect, it } from 'vitest'
import type { Bytes } from './bytes'
import { FrameKeys } from './frame-keys'
import type { EpochKeys, Expected } from './frame-messages'
import { Opener, Section } from './opener'
import { Sealer } from './sealer'
import { decodeHeader, decodeKeyId } from './sframe'

const ALICE = 'AQEBAQEBAQE'
const BOB = 'AgICAgICAgI'
const SOUND = Uint8Array.from({ length: 40 }, (_, i) => i)
/** A VP8 key frame. */
const PICTURE = Uint8Array.from({ length: 60 }, (_, i) => (i === 0 ? 0x30 : i))

/** Epoch `serial`: Alice, whose page seals, at leaf 0; Bob at leaf 1. */
function epochOf(serial: number, epoch = serial): EpochKeys {
  const baseKey = new Uint8Array(16).fill(serial)
  return { serial, epoch, baseKey, leaf: 0, leaves: new Map([[0, ALICE], [1, BOB]]) }
}

let sealer: Sealer
let keys: FrameKeys
let opener: Opener
let section: Section<string>
let played: [string, Bytes][]

const sound = (frame = SOUND) => sealed('microphone', frame, 'audio/opus')
const arrive = (frame: Bytes, name = '', now = 0, mimeType: string | null = 'audio/opus') => section.take(name, frame, mimeType, now)
const countOf = (track: Expected) => opener.count().find(({ participant, source }) => participant === track.participant && source === track.source)

async function sealed(source: Expected['source'], frame: Bytes, mimeType: string): Promise<Bytes> {
  const bytes = await sealer.seal(source, frame, mimeType)
  if (bytes === null) throw new Error('nothing was sealed')
  return bytes
}

beforeEach(() => {
  sealer = new Sealer()
  keys = new FrameKeys()
  opener = new Opener(keys)
  played = []
  section = new Section(opener, (name, data) => played.push([name, data]))
  sealer.sendWith(epochOf(1))
  keys.add(epochOf(1), 0)
  section.expect({ participant: ALICE, source: 'microphone' }, 0)
})

describe('what is sent', () => {
  it('is opened by those who have the epoch', async () => {
    await arrive(await sound())
    section.expect({ participant: ALICE, source: 'camera' }, 0)
    await arrive(await sealed('camera', PICTURE, 'video/VP8'), '', 0, 'video/VP8')
    expect(played.map(([, data]) => data)).toEqual([SOUND, PICTURE])
    expect(sealer.count()).toEqual([
      { source: 'microphone', encrypted: 1, dropped: 0, clear: 0 },
      { source: 'camera', encrypted: 1, dropped: 0, clear: 0 },
    ])
  })

  it('shows none of its content, and never the same counter twice', async () => {
    const frames = await Promise.all(Array.from({ length: 30 }, () => sealer.seal('camera', PICTURE, 'video/VP8')))
    const counters = new Set(frames.map((frame) => decodeHeader(frame ?? PICTURE, 10)?.counter))
    expect(counters).toEqual(new Set(Array.from({ length: 30 }, (_, i) => i)))
    for (const frame of frames) expect(Buffer.from(frame ?? []).includes(Buffer.from(PICTURE.subarray(10, 26)))).toBe(false)
  })

  it('is nothing without a key, nor in a codec that may not be', async () => {
    sealer.sendWith(null)
    expect(await sealer.seal('microphone', SOUND, 'audio/opus')).toBeNull()
    sealer.sendWith(epochOf(2))
    expect(await sealer.seal('camera', PICTURE, 'video/AV1')).toBeNull()
    expect(await sealer.seal('camera', PICTURE, null)).toBeNull()
    sealer.setLevel('microphone', 1)
    expect(await sealer.seal('microphone', SOUND, 'audio/opus')).toBeNull()
    expect(sealer.count()).toEqual([
      { source: 'microphone', encrypted: 0, dropped: 2, clear: 0 },
      { source: 'camera', encrypted: 0, dropped: 2, clear: 0 },
    ])
  })

  it('in clear would be counted', async () => {
    await sound()
    sealer.noteWritten('microphone')
    expect(sealer.count()).toMatchObject([{ clear: 0 }])
    sealer.noteWritten('microphone')
    expect(sealer.count()).toMatchObject([{ clear: 1 }])
  })

  it('never goes back to an epoch, in which counters would begin anew', async () => {
    const first = decodeHeader(await sound())
    sealer.sendWith(epochOf(2))
    await sound()
    sealer.sendWith(epochOf(1))
    expect(await sealer.seal('microphone', SOUND, 'audio/opus')).toBeNull()
    sealer.sendWith(epochOf(2))
    const again = decodeHeader(await sound())
    expect([first?.counter, again?.counter]).toEqual([0, 1])
  })

  it('counts on where only the root of a level is another one', async () => {
    sealer.setLevel('microphone', 1)
    sealer.setRoot(1, new Uint8Array(16).fill(1))
    const one = await sound()
    sealer.setRoot(1, new Uint8Array(16).fill(2))
    const other = await sound()
    expect([one, other].map((frame) => decodeHeader(frame)?.counter)).toEqual([0, 1])
    expect(decodeKeyId(decodeHeader(one)?.kid ?? 0)).toEqual({ source: 'microphone', level: 1, leaf: 0, epoch: 1 })
  })
})

describe('what arrives', () => {
  it('is dropped when it was there already', async () => {
    const frame = await sound()
    await Promise.all([arrive(frame), arrive(frame), arrive(frame)])
    expect(played).toHaveLength(1)
    expect(countOf({ participant: ALICE, source: 'microphone' })).toMatchObject({ decrypted: 1, dropped: { replayed: 2 } })
  })

  it('is dropped when anything of it was changed', async () => {
    const frame = await sound()
    for (let at = 5; at < frame.length; at += 1) await arrive(frame.map((byte, i) => (i === at ? byte ^ 1 : byte)))
    expect(played).toEqual([])
    expect(countOf({ participant: ALICE, source: 'microphone' })?.dropped.forged).toBe(frame.length - 5)
  })

  it('is dropped when it is in clear, whatever it is', async () => {
    // Opus as browsers make it, too: its first byte would be the key id of a message.
    const clear = [SOUND, Uint8Array.of(0xf8, 0xff, 0xfe), Uint8Array.of(0xfc), Uint8Array.of(0x78, ...SOUND)]
    for (const frame of clear) await arrive(frame)
    await arrive(await sound(), '', 0, null)
    await arrive(PICTURE, '', 0, 'video/VP8')
    expect(played).toEqual([])
    expect(countOf({ participant: ALICE, source: 'microphone' })?.dropped).toEqual({ no_key: 0, forged: 0, replayed: 0, misrouted: 0, clear: 6 })
  })

  it('is nothing when it is empty, as packets of padding are', async () => {
    await arrive(new Uint8Array())
    expect(played).toEqual([])
    expect(opener.count()).toEqual([])
  })

  it('is dropped when it is somebody else’s, or another source', async () => {
    const voice = await sound()
    section.expect({ participant: BOB, source: 'microphone' }, 0)
    await arrive(voice, '', 5_000)
    section.expect({ participant: ALICE, source: 'screen_audio' }, 5_000)
    await arrive(voice, '', 10_000)
    section.expect(null, 10_000)
    await arrive(voice, '', 15_000)
    expect(played).toEqual([])
    expect(countOf({ participant: BOB, source: 'microphone' })?.dropped.misrouted).toBe(1)
    expect(countOf({ participant: ALICE, source: 'screen_audio' })?.dropped.misrouted).toBe(1)
  })

  it('is no fault when the section carried it a moment ago', async () => {
    const voice = await sound()
    section.expect({ participant: BOB, source: 'microphone' }, 0)
    await arrive(voice, '', 500)
    expect(played).toEqual([])
    expect(opener.count()).toEqual([])
  })

  it('of an epoch that is over is opened for five seconds', async () => {
    const [one, other] = [await sound(), await sound()]
    keys.add(epochOf(2), 1_000)
    await arrive(one, 'in time', 5_999)
    await arrive(other, 'late', 6_000)
    expect(played.map(([name]) => name)).toEqual(['in time'])
    expect(countOf({ participant: ALICE, source: 'microphone' })?.dropped.no_key).toBe(1)
  })

  it('of an epoch to come waits for its key, in order, but not for long', async () => {
    sealer.sendWith(epochOf(2))
    for (const [name, at] of [['first', 0], ['second', 20], ['third', 40]] as const) await arrive(await sound(), name, at)
    expect(section.isHolding).toBe(true)
    keys.add(epochOf(2), 100)
    await section.retry(100)
    expect(played.map(([name]) => name)).toEqual(['first', 'second', 'third'])
    sealer.sendWith(epochOf(3))
    await arrive(await sound(), 'never', 1_000)
    await section.retry(1_499)
    expect(section.isHolding).toBe(true)
    await section.retry(1_500)
    expect(section.isHolding).toBe(false)
    expect(countOf({ participant: ALICE, source: 'microphone' })?.dropped.no_key).toBe(1)
  })

  it('fills no memory while it waits', async () => {
    sealer.sendWith(epochOf(2))
    for (let i = 0; i < 70; i += 1) await arrive(await sound(), String(i))
    keys.add(epochOf(2), 10)
    await section.retry(10)
    expect(played.map(([name]) => name)).toEqual(Array.from({ length: 64 }, (_, i) => String(i + 6)))
    expect(countOf({ participant: ALICE, source: 'microphone' })?.dropped.no_key).toBe(6)
  })

  it('of a level needs its sender’s root, the newest or the one before', async () => {
    const roots = [1, 2, 3].map((fill) => new Uint8Array(16).fill(fill))
    sealer.setLevel('microphone', 2)
    const frames: Bytes[] = []
    for (const root of roots) {
      sealer.setRoot(2, root)
      frames.push(await sound())
    }
    const [first = SOUND, second = SOUND, third = SOUND] = frames
    await arrive(first, 'before its root', 0)
    expect(played).toEqual([])
    for (const root of roots.slice(0, 2)) keys.addRoot(ALICE, 2, root)
    await section.retry(10)
    await arrive(second, 'second', 20)
    keys.addRoot(ALICE, 2, roots[2] ?? SOUND)
    await arrive(third, 'third', 30)
    await arrive(await sound(), 'third again', 40)
    expect(played.map(([name]) => name)).toEqual(['before its root', 'second', 'third', 'third again'])
    keys.addRoot(BOB, 1, roots[0] ?? SOUND)
    expect(keys.rootsOf(ALICE, 1)).toEqual([])
  })

  it('of a circle that is gone cannot be opened', async () => {
    const frame = await sound()
    keys.forget()
    await arrive(frame, '', 0)
    await section.retry(500)
    expect(played).toEqual([])
  })
})

describe('keys of epochs', () => {
  it('are found around 256', () => {
    keys.add(epochOf(2, 255), 0)
    keys.add(epochOf(3, 256), 0)
    expect(keys.find(0, 0)).toMatchObject({ epoch: 256 })
    expect(keys.find(1, 5_000)).toBe('later')
    expect(keys.find(254, 5_000)).toBe('gone')
  })

  it('go with their epochs, and so do roots and windows', async () => {
    keys.addRoot(BOB, 1, new Uint8Array(16))
    await arrive(await sound())
    const window = opener.window(epochOf(1), 1)
    keys.add({ ...epochOf(2), leaves: new Map([[0, ALICE]]) }, 0)
    expect(keys.oldest(0)).toBe(1)
    expect(keys.oldest(5_000)).toBe(2)
    keys.find(1, 5_000)
    keys.forgetRootsOfOthers()
    expect(keys.rootsOf(BOB, 1)).toEqual([])
    opener.forgetBefore(keys.oldest(5_000))
    expect(opener.window(epochOf(1), 1)).not.toBe(window)
  })

  it('are bounded', () => {
    for (let serial = 2; serial < 100; serial += 1) keys.add(epochOf(serial), 0)
    expect(keys.find(67, 0)).toBe('gone')
    expect(keys.find(68, 0)).toMatchObject({ serial: 68 })
  })

  it('are forgotten in a later circle as well', () => {
    keys.forget()
    opener.forgetBefore(keys.oldest(0))
    for (const serial of [2, 3]) keys.add(epochOf(serial), 0)
    opener.window(epochOf(2), 7).note(1)
    expect(opener.window(epochOf(2), 7).isFresh(1)).toBe(false)
    opener.forgetBefore(3)
    expect(opener.window(epochOf(2), 7).isFresh(1)).toBe(true)
  })
})

import { Encrypter } from 'age-encryption'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { OwnKeys } from '../e2ee/own-keys'
import { releaseOf, sealRelease } from '../e2ee/release'
import { encodeKeyId, FrameKey, seal } from '../e2ee/sframe'
import { fromBase64Url } from '../link'
import { Archive } from './archive'
import { AlteredError, openRecording } from './opened'
import { deriveRecordingKey, recipientOf } from './recording-key'
import { journalOf, PERSON, RECORDING, trackOf } from './samples'

const SECRET = new Uint8Array(16).fill(9)
const OTHER = 'DDDDDDDDDDDDDDDDDDDDDA'
const key = await deriveRecordingKey(SECRET, new Uint8Array(16))

/** What a server would keep, by path. */
async function kept(startMs = 0): Promise<Map<string, Uint8Array | object>> {
  const encrypter = new Encrypter()
  encrypter.addRecipient(await recipientOf(key))
  const journal = await journalOf([
    { kind: 'answer', person: PERSON, pseudonym: 'Zoé', answer: 'accepted' },
    { kind: 'answer', person: OTHER, pseudonym: 'Anselme', answer: 'refused' },
    { kind: 'answer', person: PERSON, pseudonym: 'Zoé Q.', answer: 'accepted' },
  ])
  const segments = trackOf('V_VP8', [0, 500, 1_000, 1_500], (ms) => ms % 1_000 === 0, 2)
  const track = { person: PERSON, source: 'camera', codec: 'vp8', startMs }
  const manifest = { recording: RECORDING, startedAt: 1_800_000_000, tracks: [{ ...track, number: 0 }, { ...track, startMs: 0, number: 1, person: OTHER }], ended: null }
  const files = new Map<string, Uint8Array | object>()
  for (const [n, text] of journal.texts.entries()) files.set(`/journal/${n}`, await encrypter.encrypt(text))
  for (const [n, segment] of segments.entries()) files.set(`/tracks/0/${n}`, await encrypter.encrypt(segment))
  files.set('/manifest', await encrypter.encrypt(JSON.stringify(manifest)))
  // Track 1 was erased: the manifest of the recorder still names it.
  const tracks = [{ number: 0, segments: segments.map(({ length }) => length) }]
  files.set('', { ...journal.seal, startedAt: 1_800_000_000, endedAt: 1_800_000_002, deleteAt: 1_802_592_000, tracks, releases: [] })
  return files
}

function serve(files: ReadonlyMap<string, Uint8Array | object>): Archive {
  vi.stubGlobal('fetch', (address: string) => {
    const file = files.get(address.replace(`/api/recordings/${RECORDING}`, ''))
    if (file === undefined) return Promise.resolve(new Response('{}', { status: 404 }))
    return Promise.resolve(new Response(file instanceof Uint8Array ? new Uint8Array(file) : JSON.stringify(file)))
  })
  return new Archive({ kind: 'moderator', room: RECORDING, secret: SECRET })
}

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('a recording', () => {
  it('opens with the key that follows from the moderator link, and shows exactly whoever is in it', async () => {
    const { persons, tracks, terms, durationMs } = await openRecording(serve(await kept()), RECORDING, key)
    expect(persons).toEqual([{ id: PERSON, name: 'Zoé Q.' }])
    expect(tracks.map(({ number }) => number)).toEqual([0])
    expect(terms.terms.details).toBe('Le cycle de l’eau')
    expect(durationMs).toBe(2_000)
    const seen: number[] = []
    for await (const { ms } of tracks[0]?.reader.from(0) ?? []) seen.push(ms)
    expect(seen).toEqual([0, 500, 1_000, 1_500])
  })

  it('begins where somebody is in it, and never after its end', async () => {
    for (const [startMs, begins] of [[0, 0], [1_200, 1_200], [9_000, 2_000], [-1, 0], [Number.NaN, 0]] as const) {
      expect((await openRecording(serve(await kept(startMs)), RECORDING, key)).beginsMs).toBe(begins)
    }
  })

  it('in which nobody is yet has no manifest', async () => {
    const files = await kept()
    files.delete('/manifest')
    files.set('', Object.assign({}, files.get(''), { tracks: [] }))
    expect((await openRecording(serve(files), RECORDING, key)).persons).toEqual([])
  })

  it('does not open with the key of another', async () => {
    const wrong = await deriveRecordingKey(SECRET, new Uint8Array(16).fill(1))
    await expect(openRecording(serve(await kept()), RECORDING, wrong)).rejects.toThrow(AlteredError)
  })

  it('r23_with_one_byte_of_any_file_altered_is_refused', async () => {
    const files = await kept()
    for (const [path, file] of files) {
      if (!(file instanceof Uint8Array)) continue
      const altered = new Map(files).set(path, file.map((byte, i) => (i === file.length - 3 ? byte ^ 4 : byte)))
      const look = async () => {
        const { tracks } = await openRecording(serve(altered), RECORDING, key)
        for await (const packet of tracks[0]?.reader.from(0) ?? []) expect(packet).toBeDefined()
      }
      await expect(look(), path).rejects.toThrow(AlteredError)
    }
  })

  it('with the manifest or the journal of another is refused', async () => {
    const encrypter = new Encrypter()
    encrypter.addRecipient(await recipientOf(key))
    const foreign = await encrypter.encrypt(JSON.stringify({ recording: 'BBBBBBBBBBBBBBBBBBBBBA', tracks: [] }))
    await expect(openRecording(serve((await kept()).set('/manifest', foreign)), RECORDING, key)).rejects.toThrow(AlteredError)
    const files = await kept()
    const swapped = new Map(files).set('/journal/1', files.get('/journal/3') ?? {})
    await expect(openRecording(serve(swapped), RECORDING, key)).rejects.toThrow()
  })
})

describe('a recording of an encrypted room', () => {
  const TIMES = [0, 500, 1_000, 1_500]
  const secret = new Uint8Array(16).fill(5)
  const keysOf = (leaf: number, epoch: number): OwnKeys => ({ epoch, leaf, baseKey: secret })

  /** The same meeting: its camera tracks, sealed by these leaves in the epochs 1, 1, 2 and 2. */
  async function encrypted(): Promise<Map<string, Uint8Array | object>> {
    const files = await kept()
    const recipient = await recipientOf(key)
    const encrypter = new Encrypter()
    encrypter.addRecipient(recipient)
    const track = { source: 'camera', codec: 'vp8', encrypted: 'plain', startMs: 0 }
    const tracks = [{ ...track, number: 0, person: PERSON }, { ...track, number: 1, person: OTHER }]
    files.set('/manifest', await encrypter.encrypt(JSON.stringify({ recording: RECORDING, tracks })))
    for (const [number, leaf] of [[0, 1], [1, 2]] as const) {
      const frames = TIMES.map(async (ms, n) => {
        const kid = encodeKeyId({ source: 'camera', level: 0, leaf, epoch: n < 2 ? 1 : 2 })
        const prefix = ms % 1_000 === 0 ? [0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1] : [0x11, 0, 0]
        return seal(await FrameKey.derive(secret, kid, 'encrypt'), kid, n, Uint8Array.of(leaf, n), Uint8Array.from(prefix))
      })
      const data = await Promise.all(frames)
      const segments = trackOf('V_VP8', TIMES, (ms) => ms % 1_000 === 0, 2, (n) => data[n] ?? [])
      for (const [n, segment] of segments.entries()) files.set(`/tracks/${number}/${n}`, await encrypter.encrypt(segment))
    }
    files.set('', { ...(files.get('') as object), tracks: [0, 1].map((number) => ({ number, segments: [1, 1] })), releases: [] })
    return files
  }

  /** Adds what `person` released, as the server hands it out. */
  async function released(files: Map<string, Uint8Array | object>, person: string, says: readonly [string, string, OwnKeys][]) {
    const sealed = says.map(async ([recording, participant, own], n) => {
      const release = await releaseOf(recording, { participant, name: `Nom ${n}` }, own)
      return fromBase64Url(await sealRelease(release, [await recipientOf(key)]))
    })
    // One was lost, and one is none.
    const all = [new Uint8Array(), Uint8Array.of(1, 2, 3), ...(await Promise.all(sealed))]
    const behindLength = (file: Uint8Array | null = null) => [0, 0, (file?.length ?? 0) >> 8, (file?.length ?? 0) & 255, ...(file ?? [])]
    files.set(`/keys/${person}/0`, Uint8Array.from(all.flatMap((file) => behindLength(file))))
    files.set(`/keys/${person}/${all.length - 1}`, Uint8Array.from(behindLength(all.at(-1))))
    const before = files.get('') as { releases: object[] }
    files.set('', { ...before, releases: [...before.releases, { person, count: all.length }] })
  }

  async function seen(files: ReadonlyMap<string, Uint8Array | object>): Promise<Record<string, readonly (readonly number[])[]>> {
    const { tracks } = await openRecording(serve(files), RECORDING, key)
    const all: Record<string, number[][]> = {}
    for (const { person, reader } of tracks) {
      expect(await reader.decoding()).toEqual({ kind: 'picture', config: { codec: 'vp8' } })
      const frames: number[][] = []
      for await (const { ms, data } of reader.from(0)) frames.push([ms, ...data.slice(-2)])
      all[person] = frames
    }
    return all
  }

  it('shows whoever released their keys, in the epochs of which they did, and nobody else', async () => {
    const files = await encrypted()
    expect(await seen(files)).toEqual({ [PERSON]: [], [OTHER]: [] })
    await released(files, PERSON, [[RECORDING, PERSON, keysOf(1, 1)], [RECORDING, PERSON, keysOf(1, 2)]])
    const own = [[0, 1, 0], [500, 1, 1], [1_000, 1, 2], [1_500, 1, 3]]
    expect(await seen(files)).toEqual({ [PERSON]: own, [OTHER]: [] })
    await released(files, OTHER, [[RECORDING, OTHER, keysOf(2, 2)]])
    expect(await seen(files)).toEqual({ [PERSON]: own, [OTHER]: [[1_000, 2, 2], [1_500, 2, 3]] })
    // By the names they had last, which no server ever had.
    const { persons } = await openRecording(serve(files), RECORDING, key)
    expect(persons).toEqual([{ id: PERSON, name: 'Nom 1' }, { id: OTHER, name: 'Nom 0' }])
  })

  it('gives nobody to whoever holds every stored byte and no key of a recipient', async () => {
    const files = await encrypted()
    await released(files, PERSON, [[RECORDING, PERSON, keysOf(1, 1)]])
    const wrong = await deriveRecordingKey(SECRET, new Uint8Array(16).fill(1))
    await expect(openRecording(serve(files), RECORDING, wrong)).rejects.toThrow(AlteredError)
    // Not even where all but the releases lies open, as in the memory of the server that wrote it.
    const { description } = await openRecording(serve(files), RECORDING, key)
    const readable = new Map(files)
    readable.set('', { ...description, releases: [] })
    expect(await seen(readable)).toEqual({ [PERSON]: [], [OTHER]: [] })
  })

  it('takes keys as the word of their own person, of this recording alone', async () => {
    for (const [recording, participant] of [['BBBBBBBBBBBBBBBBBBBBBA', OTHER], [RECORDING, PERSON]] as const) {
      const files = await encrypted()
      await released(files, OTHER, [[recording, participant, keysOf(2, 1)]])
      expect(await seen(files)).toEqual({ [PERSON]: [], [OTHER]: [] })
    }
  })
})

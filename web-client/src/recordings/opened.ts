// One recording, opened in this browser: what was agreed to, who is in it, and the tracks.

import { Decrypter } from 'age-encryption'
import { parseRelease, type Release } from '../e2ee/release'
import { type Archive, ArchiveError, type Description } from './archive'
import { type JournalEntry, type JournalLine, readJournal } from './journal'
import { identityOf } from './recording-key'
import { FrameOpener, isRecordedCodec, Keyring } from './sealed-frames'
import { TrackReader } from './track'

/** What a person published. */
export type RecordedSource = 'microphone' | 'camera' | 'screen' | 'screen_audio'

/** Somebody who is in the recording. */
export interface RecordedPerson {
  readonly id: string
  /** The pseudonym under which they answered last. */
  readonly name: string
}

/** One track, opened. */
export interface RecordedTrack {
  readonly number: number
  readonly person: string
  readonly source: RecordedSource
  readonly reader: TrackReader
}

/** One recording, opened. */
export interface OpenedRecording {
  readonly description: Description
  readonly journal: readonly JournalLine[]
  readonly terms: Extract<JournalEntry, { kind: 'terms' }>
  readonly persons: readonly RecordedPerson[]
  readonly tracks: readonly RecordedTrack[]
  readonly durationMs: number
  /** When the first of anybody is seen or heard: nothing is before somebody's yes. */
  readonly beginsMs: number
}

/** A file of the recording is not what was written. */
export class AlteredError extends Error {}

/** Fetches and opens all but the tracks. Rejects with `ArchiveError`, `JournalError` or `AlteredError`. */
export async function openRecording(archive: Archive, id: string, key: Uint8Array): Promise<OpenedRecording> {
  const description = await archive.describe(id)
  const decrypter = new Decrypter()
  decrypter.addIdentity(identityOf(key))
  const open = async (sealed: Promise<Uint8Array>): Promise<Uint8Array> => {
    const bytes = await sealed
    try {
      return await decrypter.decrypt(bytes)
    } catch (cause) {
      throw new AlteredError('sealed otherwise', { cause })
    }
  }
  const texts = await eachOf(description.lines, async (n) => textOf(await open(archive.journal(id, n))))
  const journal = await readJournal(texts, description)
  const [first] = journal
  if (first?.what.kind !== 'terms') throw new AlteredError('no terms')
  // Before anybody's first track there is none.
  const isBlank = description.tracks.length === 0
  const manifest = isBlank ? { recording: id, tracks: [] } : manifestOf(textOf(await open(archive.manifest(id))), id)
  const segments = new Map(description.tracks.map((track) => [track.number, track.segments.length]))
  // Asked for once of each person, when something of theirs is looked at.
  const keyrings = new Map<string, Promise<Keyring>>()
  const keyringOf = (person: string): Promise<Keyring> => {
    const keyring = keyrings.get(person) ?? keyringFrom(person)
    keyrings.set(person, keyring)
    keyring.catch(() => keyrings.delete(person))
    return keyring
  }
  const keyringFrom = async (person: string): Promise<Keyring> => new Keyring(await releasesOf(person, 0))
  const countOf = (person: string) => description.releases.find((one) => one.person === person)?.count ?? 0
  const releasesOf = async (person: string, from: number): Promise<Release[]> => {
    const files = await archive.releases(id, person, from, countOf(person))
    // What somebody released that is no key opens nothing of theirs, and keeps nobody from the rest.
    const read = (file: Uint8Array) => decrypter.decrypt(file).then((text) => parseRelease(textOf(text)), () => null)
    const releases = await eachOf(files.length, (n) => read(files[n] ?? new Uint8Array()))
    const good = releases.filter((one) => one !== null)
    return good.filter(({ recording, participant }) => recording === id && participant === person)
  }
  // The server has no names of an encrypted room: they stand with the keys.
  const named = (persons: readonly RecordedPerson[]) =>
    Promise.all(
      persons.map(async (person) => {
        const last = countOf(person.id) === 0 ? [] : await releasesOf(person.id, countOf(person.id) - 1)
        return { ...person, name: last[0]?.name ?? person.name }
      }),
    )
  const openerOf = ({ person, source, codec, encrypted }: ManifestTrack): FrameOpener | null => {
    if (encrypted === undefined) return null
    if (!isRecordedCodec(codec)) throw new AlteredError('no codec')
    return new FrameOpener(() => keyringOf(person), { codec, source, raw: encrypted === 'raw' })
  }
  const kept = manifest.tracks.filter(({ number }) => (segments.get(number) ?? 0) > 0)
  const tracks = kept.map((track) => {
    const { number, person, source } = track
    const load = (segment: number) => open(archive.segment(id, number, segment))
    return { number, person, source, reader: new TrackReader(segments.get(number) ?? 0, load, openerOf(track)) }
  })
  const end = description.endedAt ?? Math.ceil(Date.now() / 1000)
  const durationMs = Math.max(0, end - description.startedAt) * 1000
  return {
    description,
    journal,
    terms: first.what,
    persons: await named(personsOf(tracks, journal)),
    tracks,
    durationMs,
    beginsMs: kept.length === 0 ? 0 : Math.min(durationMs, ...kept.map(({ startMs }) => (startMs >= 0 ? startMs : 0))),
  }
}

interface Manifest {
  readonly recording: string
  readonly tracks: readonly ManifestTrack[]
}

interface ManifestTrack {
  readonly number: number
  readonly person: string
  readonly source: RecordedSource
  readonly codec: string
  /** When it begins, since the beginning of the recording. */
  readonly startMs: number
  /** How the frames were encrypted by whoever sent them, if they were. */
  readonly encrypted?: 'plain' | 'raw'
}

/** A manifest of another recording is none. */
function manifestOf(text: string, id: string): Manifest {
  try {
    const manifest = JSON.parse(text) as Manifest
    if (manifest.recording === id && Array.isArray(manifest.tracks)) return manifest
  } catch {
    // As below.
  }
  throw new AlteredError('no manifest')
}

/** Who has a track, in the order of their first one, by the pseudonym they answered under. */
function personsOf(tracks: readonly RecordedTrack[], journal: readonly JournalLine[]): readonly RecordedPerson[] {
  const names = new Map<string, string>()
  for (const { what } of journal) {
    if (what.kind === 'answer' && what.pseudonym !== undefined) names.set(what.person, what.pseudonym)
  }
  return [...new Set(tracks.map(({ person }) => person))].map((id) => ({ id, name: names.get(id) ?? '' }))
}

/** A few at a time: a long meeting has many lines. */
async function eachOf<T>(count: number, get: (n: number) => Promise<T>): Promise<T[]> {
  if (count > MAX_LINES) throw new ArchiveError('unreachable')
  const all: T[] = []
  for (let from = 0; from < count; from += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - from)
    all.push(...(await Promise.all(Array.from({ length }, (_, i) => get(from + i)))))
  }
  return all
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

/** Lower: a slow start over a long road; higher: a server under many pages has more to do at once. */
const AT_ONCE = 8
/** Far more than a day of a large school gives. */
const MAX_LINES = 20_000

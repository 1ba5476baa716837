// What the server keeps of recordings, asked for over HTTP. All that comes from here is sealed or
// says nothing of anybody; what is opened, is opened in this browser (opened.ts).

import { type Access, credentialsOf } from './access'

/** One recording, as the list shows it. Times are seconds since 1970. */
export interface RecordingEntry {
  readonly id: string
  readonly startedAt: number
  readonly endedAt: number | null
  readonly deleteAt: number
  readonly bytes: number
  readonly grants: readonly Grant[]
  readonly accesses: readonly AccessEntry[]
}

/** A link that was given to somebody for one recording. */
export interface Grant {
  readonly id: string
  readonly createdAt: number
  readonly revokedAt: number | null
}

/** Somebody looked: `moderator`, or the id of a grant. */
export interface AccessEntry {
  readonly at: number
  readonly by: string
}

/** The server's word that something was deleted. */
export interface Receipt {
  readonly recording: string
  readonly what: string
  readonly at: number
  readonly signature: string
}

/** All recordings of a room. */
export interface RecordingList {
  readonly recordings: readonly RecordingEntry[]
  readonly receipts: readonly Receipt[]
  /** What checks the receipts. */
  readonly signingKey: string
}

/** What there is of one recording: numbers alone. */
export interface Description {
  readonly id: string
  readonly startedAt: number
  readonly endedAt: number | null
  readonly deleteAt: number
  /** How many lines its journal has, and the hash of the last. */
  readonly lines: number
  readonly lastHash: string
  /** What checks the signatures of the journal. */
  readonly signingKey: string
  readonly tracks: readonly TrackFiles[]
  /** How many times who released keys, in an encrypted room. */
  readonly releases: readonly { readonly person: string; readonly count: number }[]
}

/** The files of one track, in order. */
export interface TrackFiles {
  readonly number: number
  /** Bytes of each. */
  readonly segments: readonly number[]
}

/** Why the server gives nothing. */
export type ArchiveFault =
  /** Wrong, revoked, over: the server does not say which. */
  | 'refused'
  /** Deleted meanwhile. */
  | 'gone'
  | 'unreachable'

/** Thrown by everything here. */
export class ArchiveError extends Error {
  constructor(readonly fault: ArchiveFault) {
    super(fault)
  }
}

/** The recordings that one access opens. */
export class Archive {
  private credentials: Promise<Readonly<Record<string, string>>> | null = null

  constructor(readonly access: Access) {}

  list(): Promise<RecordingList> {
    return this.json('')
  }

  describe(id: string): Promise<Description> {
    return this.json(`/${id}`)
  }

  manifest(id: string): Promise<Uint8Array> {
    return this.bytes(`/${id}/manifest`)
  }

  journal(id: string, line: number): Promise<Uint8Array> {
    return this.bytes(`/${id}/journal/${line}`)
  }

  segment(id: string, track: number, segment: number): Promise<Uint8Array> {
    return this.bytes(`/${id}/tracks/${track}/${segment}`)
  }

  /** The sealed keys that somebody released, from one number to before another. */
  async releases(id: string, person: string, from: number, to: number): Promise<readonly Uint8Array[]> {
    const files: Uint8Array[] = []
    // Counted, whether there or not.
    for (let next = from; next < to; ) {
      const some = filesIn(await this.bytes(`/${id}/keys/${person}/${next}`))
      if (some.length === 0) throw new ArchiveError('unreachable')
      files.push(...some.filter(({ length }) => length > 0))
      next += some.length
    }
    return files
  }

  async erase(id: string): Promise<void> {
    await this.ask(`/${id}/erase`, { method: 'POST' })
  }

  async erasePerson(id: string, person: string): Promise<void> {
    await this.ask(`/${id}/persons/${person}/erase`, { method: 'POST' })
  }

  /** Lets whoever holds the secret behind `verifier` look at one recording. */
  async grant(id: string, verifier: string): Promise<void> {
    await this.ask(`/${id}/grants`, {
      method: 'POST',
      type: 'application/json',
      body: JSON.stringify({ verifier }),
    })
  }

  async revoke(id: string, grant: string): Promise<void> {
    await this.ask(`/${id}/grants/${grant}`, { method: 'DELETE' })
  }

  private async json<T>(path: string): Promise<T> {
    const response = await this.ask(path, { method: 'GET' })
    try {
      return (await response.json()) as T
    } catch {
      throw new ArchiveError('unreachable')
    }
  }

  private async bytes(path: string): Promise<Uint8Array> {
    const response = await this.ask(path, { method: 'GET' })
    try {
      return new Uint8Array(await response.arrayBuffer())
    } catch {
      throw new ArchiveError('unreachable')
    }
  }

  private async ask(path: string, { type, ...init }: RequestInit & { type?: string }): Promise<Response> {
    this.credentials ??= credentialsOf(this.access)
    const headers = { ...(await this.credentials), ...(type === undefined ? {} : { 'content-type': type }) }
    let response: Response
    let pause = FIRST_PAUSE_MS
    do {
      try {
        response = await fetch(`/api/recordings${path}`, { ...init, headers, credentials: 'omit', cache: 'no-store' })
      } catch {
        throw new ArchiveError('unreachable')
      }
      if (response.ok) return response
      if (response.status !== 429) break
      // Many files in a short time: what the server does not give now it gives a moment later.
      await wait(pause)
      pause *= 2
    } while (pause <= LONGEST_PAUSE_MS)
    if (response.status === 404 || response.status === 410) throw new ArchiveError('gone')
    throw new ArchiveError(response.status >= 500 || response.status === 429 ? 'unreachable' : 'refused')
  }
}

/** Files, each behind its length of four bytes. */
function filesIn(bytes: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const files: Uint8Array[] = []
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + view.getUint32(at)
    if (end > bytes.length) break
    files.push(bytes.subarray(at + 4, end))
    at = end
  }
  return files
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** Doubled each time. Lower: asks a server that has enough to do. */
const FIRST_PAUSE_MS = 250
/** Longer: a fault is told later. */
const LONGEST_PAUSE_MS = 8_000

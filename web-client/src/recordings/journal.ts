// The journal of a recording: what was said before it, who answered what, who was let in. Each line
// names the hash of the one before and is signed by the server, so that a line that was changed,
// left out or cut off at the end shows.

import { fromBase64Url, toBase64Url } from '../link'
import type { RecordingTerms, RecipientInfo } from '../protocol/generated'
import type { Receipt } from './archive'

/** What happened, as a line tells it. */
export type JournalEntry =
  | {
      readonly kind: 'terms'
      readonly recording: string
      readonly terms: RecordingTerms
      readonly recipients: readonly RecipientInfo[]
      /** The host key's word on them, where the room was encrypted. */
      readonly recipientsSignature?: string
      readonly textVersion: number
      readonly authorisations: boolean
      readonly askedBy: string
      readonly askedByName: string
    }
  | {
      readonly kind: 'answer'
      readonly person: string
      /** Not of whoever refused. */
      readonly pseudonym?: string
      readonly answer: 'accepted' | 'refused' | 'withdrawn' | 'left'
    }
  | { readonly kind: 'grant' | 'revoke'; readonly grant: string }
  | { readonly kind: 'erased'; readonly person: string }
  | { readonly kind: 'ended'; readonly cause: string }

/** One line that was found good. */
export interface JournalLine {
  readonly n: number
  /** Seconds since 1970. */
  readonly at: number
  readonly what: JournalEntry
}

/** What the server says of the journal beside it. */
export interface JournalSeal {
  /** Which recording's it is. */
  readonly id: string
  readonly lines: number
  readonly lastHash: string
  readonly signingKey: string
}

/** The journal was altered, or this browser cannot tell. */
export class JournalError extends Error {
  constructor(readonly fault: 'altered' | 'unverifiable') {
    super(fault)
  }
}

/** Reads all lines, in order. Rejects with `JournalError` unless every one is as it was written, and
 * the first begins this recording's journal and no other's. */
export async function readJournal(texts: readonly string[], seal: JournalSeal): Promise<readonly JournalLine[]> {
  const key = await verifyingKey(seal.signingKey)
  const lines: JournalLine[] = []
  let previous = ''
  for (const [n, text] of texts.entries()) {
    // The signature and the hash are over the text as it stands, not over what it means.
    const [, line, signature] = /^\{"line":(\{.*\}),"signature":"([\w-]+)"\}$/s.exec(text) ?? []
    if (line === undefined || signature === undefined) throw new JournalError('altered')
    const signed = fromBase64Url(signature)
    const bytes = new TextEncoder().encode(line)
    if (signed === null || !(await crypto.subtle.verify('Ed25519', key, signed, bytes))) throw new JournalError('altered')
    const read = parsed(line)
    if (read.n !== n || read.previous !== previous) throw new JournalError('altered')
    previous = toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
    lines.push(read)
  }
  const first = lines[0]?.what
  const isOwn = first?.kind === 'terms' && first.recording === seal.id
  if (!isOwn || lines.length !== seal.lines || previous !== seal.lastHash) throw new JournalError('altered')
  return lines
}

/** True for a deletion as the server signed it. */
export async function isGoodReceipt({ recording, what, at, signature }: Receipt, signingKey: string): Promise<boolean> {
  const signed = fromBase64Url(signature)
  const text = new TextEncoder().encode(`preau deletion v1\n${recording}\n${what}\n${at}`)
  return signed !== null && crypto.subtle.verify('Ed25519', await verifyingKey(signingKey), signed, text)
}

function parsed(line: string): JournalLine & { readonly previous: string } {
  try {
    return JSON.parse(line) as JournalLine & { previous: string }
  } catch {
    throw new JournalError('altered')
  }
}

async function verifyingKey(text: string): Promise<CryptoKey> {
  const bytes = fromBase64Url(text)
  if (bytes?.length !== 32) throw new JournalError('altered')
  try {
    return await crypto.subtle.importKey('raw', bytes, 'Ed25519', false, ['verify'])
  } catch {
    throw new JournalError('unverifiable')
  }
}

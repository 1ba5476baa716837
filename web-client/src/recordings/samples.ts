// Recordings made by hand, for tests: the form in which the server writes them.

import { toBase64Url } from '../link'
import type { JournalSeal } from './journal'

/** Names of one recording and of somebody in it. */
export const RECORDING = 'AAAAAAAAAAAAAAAAAAAAAA'
export const PERSON = 'CCCCCCCCCCCCCCCCCCCCCA'

/** What signs like a server. */
export async function signer(seed: number) {
  const prefix = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]
  const pkcs8 = Uint8Array.from([...prefix, ...new Uint8Array(32).fill(seed)])
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign'])
  const { x = '' } = await crypto.subtle.exportKey('jwk', key)
  const sign = async (text: string) => new Uint8Array(await crypto.subtle.sign('Ed25519', key, new TextEncoder().encode(text)))
  return { public: x, sign }
}

/** A journal that begins with terms and goes on with these entries. */
export async function journalOf(entries: readonly object[]): Promise<{ texts: string[]; seal: JournalSeal }> {
  const key = await signer(7)
  const terms = {
    kind: 'terms',
    recording: RECORDING,
    terms: { purpose: 'revision', details: 'Le cycle de l’eau', retentionDays: 30, audience: 'La classe' },
    recipients: [],
    textVersion: 1,
    authorisations: false,
    askedBy: PERSON,
    askedByName: 'Mme Lefèvre',
  }
  const texts: string[] = []
  let previous = ''
  for (const [n, what] of [terms, ...entries].entries()) {
    const line = JSON.stringify({ n, at: 1_800_000_000 + n, what, previous })
    texts.push(`{"line":${line},"signature":"${toBase64Url(await key.sign(line))}"}`)
    previous = toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(line))))
  }
  return { texts, seal: { id: RECORDING, lines: texts.length, lastHash: previous, signingKey: key.public } }
}

/** The segments of a track with packets at these times (ms), so many in each; the n-th packet is `dataOf(n)`. */
export function trackOf(
  codec: 'V_VP8' | 'A_OPUS',
  times: readonly number[],
  isKey: (ms: number) => boolean,
  inEach: number,
  dataOf: (n: number) => Iterable<number> = () => [7, 7, 7, 7],
): readonly Uint8Array[] {
  const segments: Uint8Array[] = []
  for (let from = 0; from < times.length; from += inEach) {
    const part = times.slice(from, from + inEach)
    const start = part[0] ?? 0
    const blocks = part.map((ms, n) =>
      element(0xa3, [0x81, (ms - start) >> 8, (ms - start) & 255, isKey(ms) ? 0x80 : 0, ...dataOf(from + n)]),
    )
    const cluster = element(0x1f43b675, [...element(0xe7, number(start)), ...blocks.flat()])
    segments.push(Uint8Array.from(from === 0 ? [...head(codec), ...cluster] : cluster))
  }
  return segments
}

function head(codec: 'V_VP8' | 'A_OPUS'): number[] {
  const media =
    codec === 'V_VP8'
      ? element(0xe0, [...element(0xb0, number(640)), ...element(0xba, number(360))])
      : element(0xe1, [...element(0xb5, [0x47, 0x3b, 0x80, 0]), ...element(0x9f, number(1))])
  const opusHead = [...text('OpusHead'), 1, 1, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0]
  const track = element(0xae, [
    ...element(0xd7, number(1)),
    ...element(0x73c5, number(1)),
    ...element(0x83, number(codec === 'V_VP8' ? 1 : 2)),
    ...element(0x86, text(codec)),
    ...(codec === 'A_OPUS' ? element(0x63a2, opusHead) : []),
    ...media,
  ])
  return [
    ...element(0x1a45dfa3, element(0x4282, text('webm'))),
    ...[0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ...element(0x1549a966, element(0x2ad7b1, number(1_000_000))),
    ...element(0x1654ae6b, track),
  ]
}

function element(id: number, content: readonly number[]): number[] {
  const size = content.length
  return [...number(id), 0x08, ...[24, 16, 8, 0].map((shift) => (size >> shift) & 255), ...content]
}

function number(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return bytes
}

function text(value: string): number[] {
  return [...new TextEncoder().encode(value)]
}

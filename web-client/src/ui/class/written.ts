// What is written in a meeting: how long it may be, and what in it is an address. Pure.

/** A piece of a written text: an address one can follow, or anything else. */
export interface Piece {
  readonly text: string
  /** Where it leads; `null` for what is no address. */
  readonly href: string | null
}

/** Most characters of one text, as the server counts them. */
export const MAX_TEXT_CHARS = 2_000

/** Most characters of a question or an answer. */
export const MAX_POLL_TEXT_CHARS = 200

/** Length as the server counts it: characters, not the halves of some that JavaScript counts. */
export function lengthOf(text: string): number {
  return text.length - (text.match(SECOND_HALVES)?.length ?? 0)
}

/** What is sent for what was typed or pasted: without the invisible marks that the server refuses,
 * since they can make a text or an address read differently. */
export function plain(typed: string): string {
  return typed.replace(/\r\n?/g, '\n').replace(STEERING, '').trim()
}

/** Cuts a text into addresses and the rest; put together again they are the text, as written. */
export function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = []
  let done = 0
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutTail(match[0])
    const href = target(address)
    if (href === null) continue
    if (match.index > done) pieces.push({ text: text.slice(done, match.index), href: null })
    pieces.push({ text: address, href })
    done = match.index + address.length
  }
  if (done < text.length) pieces.push({ text: text.slice(done), href: null })
  return pieces
}

/** Where an address leads; `null` when it is none, or one that pretends to lead elsewhere. */
function target(address: string): string | null {
  if (!URL.canParse(address)) return null
  const url = new URL(address)
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
  // "https://bank.example@elsewhere.example" leads elsewhere.
  return isWeb && url.username === '' && url.password === '' ? url.href : null
}

/** Without the mark that ends the sentence, and without a bracket that was opened before it. */
function withoutTail(address: string): string {
  // Counted once: an address of 64 KiB of brackets takes no longer than any other.
  const marks = new Map<string, number>()
  for (const mark of address) marks.set(mark, (marks.get(mark) ?? 0) + 1)
  let end = address.length
  for (; end > 0; end -= 1) {
    const last = address[end - 1] ?? ''
    const opening = BRACKETS[last]
    const closed = marks.get(last) ?? 0
    const isOpened = opening !== undefined && (marks.get(opening) ?? 0) >= closed
    if (isOpened || !TAIL.test(last)) break
    marks.set(last, closed - 1)
  }
  return address.slice(0, end)
}

/** Second halves of characters that JavaScript counts as two. */
const SECOND_HALVES = /(?<=[\ud800-\udbff])[\udc00-\udfff]/g
const ADDRESS = /\bhttps?:\/\/[^\s<>"«»“”]+/gi
const TAIL = /[.,;:!?…'’)\]}]/
const BRACKETS: Readonly<Record<string, string | undefined>> = { ')': '(', ']': '[', '}': '{' }
/** Control characters other than tabulators and line breaks, and the marks that reorder a line
 * (Unicode annex 9). */
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/g

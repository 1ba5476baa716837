// Which names and texts of members are shown. In an unencrypted room the server decides (`name.rs` and
// `text.rs` of the crate `room`); here nobody but the pages can read them.

import { MAX_DISPLAY_NAME_CHARS } from '../protocol/generated'

/** A name as it is shown: trimmed. `null` when it is blank, too long, or holds characters that could
 * disguise it or its neighbours. */
export function acceptName(typed: string): string | null {
  const name = typed.trim()
  if (Array.from(name).length > MAX_DISPLAY_NAME_CHARS || DISGUISE.test(name)) return null
  return VISIBLE.test(name) ? name : null
}

/** A text as it is shown: trimmed, line breaks kept. `null` when it is blank, longer than `max`
 * characters, or holds characters that steer a display. */
export function acceptText(typed: string, max: number): string | null {
  const text = typed.trim()
  return text === '' || Array.from(text).length > max || STEERING.test(text) ? null : text
}

/** Control characters, line breaks, and the marks that reorder or hide text (Unicode annex 9). */
const DISGUISE = /[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/u
/** Something to see: no blank, joiner, selector, filler or tag. */
const VISIBLE =
  /[^\s\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u2800\u3164\ufe00-\ufe0f\uffa0\u{e0000}-\u{e0fff}]/u
/** Control characters other than tabulators and line breaks, and what reorders text. */
const STEERING = /(?![\t\n])[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069\ufeff]/u

// What stands for somebody whose camera is off.

/** One or two letters of a name; a number at its end is kept, since it tells neutral names apart. */
export function initials(name: string): string {
  const words = name.split(/\s+/u).filter((word) => !/^\p{P}*$/u.test(word))
  const first = firstLetter(words[0] ?? '')
  const last = words.length > 1 ? (words.at(-1) ?? '') : ''
  return first + (/^\d{1,3}$/.test(last) ? last : firstLetter(last))
}

/** Number of a tile's colour, 0 to 5: the same for everybody who sees this participant. */
export function tint(id: string): number {
  let sum = 0
  for (let index = 0; index < id.length; index += 1) sum = (sum * 31 + id.charCodeAt(index)) % 997
  return sum % TINTS
}

/** As many as tokens.css has. */
const TINTS = 6

function firstLetter(word: string): string {
  const [letter] = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(word)
  return letter?.segment.toLocaleUpperCase() ?? ''
}

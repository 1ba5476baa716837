// Lists of names as teachers have them: pasted in, and given out again with a link beside each.

import type { NewPupil } from '../call/host'
import { tidy } from '../kept-rooms'
import { parseLink } from '../link'

/** What a pasted text says. */
export interface PastedNames {
  /** Who is new, in order. */
  readonly pupils: readonly NewPupil[]
  /** Lines, from 1, that are no name. */
  readonly faults: readonly number[]
}

/** Reads one name a line; whoever is `known`, or stands there twice, is taken once. A line that ends in a personal link of this room, as in a table given out
 * before, makes that link good again. */
export function readNames(text: string, room: string, known: ReadonlySet<string>): PastedNames {
  const pupils: NewPupil[] = []
  const names = new Set(known)
  const faults: number[] = []
  text.split(/\r\n|[\r\n]/).forEach((line, index) => {
    if (line.trim() === '') return
    const cells = line.split('\t')
    const admission = cells.length > 1 ? admissionIn(cells.at(-1) ?? '', room) : null
    const name = tidy((admission === null ? cells : cells.slice(0, -1)).join(' '))
    if (name === '') faults.push(index + 1)
    else if (!names.has(name)) {
      names.add(name)
      pupils.push({ name, admission })
    }
  })
  return { pupils, faults }
}

/** A table for a school's messages or a spreadsheet: name, tab, link. */
export function writeTable(rows: readonly { name: string; link: string }[]): string {
  return rows.map(({ name, link }) => `${unformula(name)}\t${link}\n`).join('')
}

/** Spreadsheets calculate what begins so, also what was pasted. */
function unformula(name: string): string {
  return /^[=+\-@]/.test(name) ? `'${name}` : name
}

function admissionIn(cell: string, room: string): string | null {
  if (!URL.canParse(cell.trim())) return null
  const { pathname, hash } = new URL(cell.trim())
  const link = parseLink(pathname, hash)
  if (link === null || link.room !== room || link.admission === null) return null
  return hash.split('.').at(-1) ?? null
}

import { describe, expect, it } from 'vitest'
import { buildLink, makeSecret, toBase64Url } from '../link'
import { readNames, writeTable } from './names'

const ROOM = 'ABEiM0RVZneImaq7zN3u_w'
const NOBODY = new Set<string>()

function personal(room: string): { link: string; admission: string } {
  const admission = makeSecret()
  const link = buildLink('https://ecole.example', { room, role: 'guest', secret: makeSecret(), admission, encryption: null })
  return { link, admission: toBase64Url(admission) }
}

describe('pasted names', () => {
  it('are one a line, whatever ends it, without blanks around', () => {
    const { pupils, faults } = readNames('  Lucas Martin \r\nInès\n\n\tZoé\tB.\r', ROOM, NOBODY)
    expect(pupils.map(({ name }) => name)).toEqual(['Lucas Martin', 'Inès', 'Zoé B.'])
    expect(faults).toEqual([])
  })

  it('are taken once', () => {
    const { pupils } = readNames('Lucas\nInès\nLucas', ROOM, new Set(['Inès']))
    expect(pupils.map(({ name }) => name)).toEqual(['Lucas'])
  })

  it('that are none are told by their line', () => {
    expect(readNames(`Lucas\n${'x'.repeat(81)}\n\n\u202eZoé\nInès`, ROOM, NOBODY).faults).toEqual([2, 4])
  })

  it('bring the link back that was given out for this room, and no other', () => {
    const [mine, elsewhere] = [personal(ROOM), personal(toBase64Url(makeSecret()))]
    const table = writeTable([
      { name: 'Lucas', link: mine.link },
      { name: 'Inès', link: elsewhere.link.slice(0, 60) },
    ])
    expect(readNames(table, ROOM, NOBODY).pupils).toEqual([
      { name: 'Lucas', admission: mine.admission },
      { name: `Inès ${elsewhere.link.slice(0, 60)}`, admission: null },
    ])
    expect(readNames(`Zoé\t${elsewhere.link}`, ROOM, NOBODY).faults).toEqual([1])
  })
})

describe('the table', () => {
  it('is a name and a link a line, and nothing that a spreadsheet calculates', () => {
    expect(writeTable([{ name: 'Lucas', link: 'https://a' }])).toBe('Lucas\thttps://a\n')
    for (const sign of ['=', '+', '-', '@']) expect(writeTable([{ name: `${sign}1+1`, link: 'x' }])).toBe(`'${sign}1+1\tx\n`)
  })
})

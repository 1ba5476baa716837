import { describe, expect, it } from 'vitest'
import { type KeptRoom, MAX_KEPT_CHARS, MAX_KEPT_ROOMS, MAX_LABEL_CHARS, MAX_PUPILS, parseKept, tidy, writeKept } from './kept-rooms'
import { makeSecret, toBase64Url } from './link'

const secret = () => toBase64Url(makeSecret())

const ROOM: KeptRoom = {
  room: 'ABEiM0RVZneImaq7zN3u_w',
  moderator: 'AAECAwQFBgcICQoLDA0ODw',
  title: 'Français 3e B',
  profile: 'classe',
  encryption: { open: false, raw: false },
  endsAt: 1_800_000_000,
  generation: 2,
  pupils: [{ name: 'Noé <script>', admission: 'AAECAwQFBgcICQoLDA0ODw' }],
}

describe('kept rooms', () => {
  it('survive being written and read', () => {
    const rooms = [ROOM, { ...ROOM, room: secret(), endsAt: null, encryption: null, pupils: [] }]
    expect(parseKept(writeKept(rooms))).toEqual(rooms)
    expect(parseKept(writeKept([]))).toEqual([])
  })

  it.each([
    ['an empty file', ''],
    ['no JSON', '{"format":"preau-rooms"'],
    ['another kind of JSON', '[]'],
    ['nothing', 'null'],
    ['a text', '"preau-rooms"'],
    ['another format', list({ format: 'other' })],
    ['another version', list({ version: 3 })],
    ['a version in words', list({ version: '1' })],
    ['no list of rooms', list({ rooms: {} })],
    ['a member too many', list({ more: 1 })],
  ])('are not %s', (_, text) => {
    expect(parseKept(text)).toBe('not_ours')
  })

  it.each([
    ['a room that is none', 7],
    ['an empty room', {}],
    ['a member too many', { ...ROOM, more: 1 }],
    ['a member too few', without('pupils')],
    ['a cut room name', { ...ROOM, room: ROOM.room.slice(1) }],
    ['a room name in another alphabet', { ...ROOM, room: ROOM.room.replace('_', '/') }],
    ['a cut secret', { ...ROOM, moderator: ROOM.moderator.slice(1) }],
    ['another spelling of a secret', { ...ROOM, moderator: 'AAECAwQFBgcICQoLDA0ODx' }],
    ['a secret that is no text', { ...ROOM, moderator: 7 }],
    ['no title', { ...ROOM, title: '' }],
    ['a title of blanks', { ...ROOM, title: '\u200b' }],
    ['blanks around a title', { ...ROOM, title: ' a' }],
    ['a title of two lines', { ...ROOM, title: 'a\nb' }],
    ['a title that turns the line around', { ...ROOM, title: 'a\u202eb' }],
    ['half a character', { ...ROOM, title: 'a\ud800' }],
    ['too long a title', { ...ROOM, title: 'a'.repeat(MAX_LABEL_CHARS + 1) }],
    ['a title that is no text', { ...ROOM, title: {} }],
    ['another profile', { ...ROOM, profile: 'fete' }],
    ['an encryption that is none', { ...ROOM, encryption: true }],
    ['half an encryption', { ...ROOM, encryption: { open: true } }],
    ['an end in words', { ...ROOM, endsAt: '2030' }],
    ['an end between seconds', { ...ROOM, endsAt: 1.5 }],
    ['an end before all time', { ...ROOM, endsAt: -1 }],
    ['a generation past the last one', { ...ROOM, generation: 2 ** 32 }],
    ['a generation that is none', { ...ROOM, generation: null }],
    ['no list of pupils', { ...ROOM, pupils: null }],
    ['too many pupils', { ...ROOM, pupils: Array.from({ length: MAX_PUPILS + 1 }, (_, i) => ({ name: `É${i}`, admission: secret() })) }],
    ['a pupil that is none', { ...ROOM, pupils: ['Noé'] }],
    ['a pupil without a name', { ...ROOM, pupils: [{ name: '', admission: secret() }] }],
    ['a pupil with a cut secret', { ...ROOM, pupils: [{ name: 'Noé', admission: 'AAEC' }] }],
    ['a pupil with more to it', { ...ROOM, pupils: [{ name: 'Noé', admission: secret(), mail: 'x' }] }],
    ['two pupils with one secret', { ...ROOM, pupils: [...ROOM.pupils, { ...ROOM.pupils[0], name: 'Zoé' }] }],
  ])('are damaged by %s', (_, room) => {
    expect(parseKept(list({ rooms: [room] }))).toBe('damaged')
  })

  it('are damaged by one room twice, or by too many', () => {
    expect(parseKept(writeKept([ROOM, ROOM]))).toBe('damaged')
    const many = Array.from({ length: MAX_KEPT_ROOMS + 1 }, () => ({ ...ROOM, room: secret() }))
    expect(parseKept(writeKept(many))).toBe('damaged')
    expect(parseKept(writeKept(many.slice(1)))).toHaveLength(MAX_KEPT_ROOMS)
  })

  it('are not read at all when there is too much', () => {
    expect(parseKept(' '.repeat(MAX_KEPT_CHARS + 1))).toBe('too_large')
  })

  it('of the first version are read as rooms without encryption, and written as the present one', () => {
    const first = { ...without('encryption') }
    const read = parseKept(list({ version: 1, rooms: [first] }))
    expect(read).toEqual([{ ...ROOM, encryption: null }])
    expect(typeof read === 'string' ? null : JSON.parse(writeKept(read))).toMatchObject({ version: 2, rooms: [{ encryption: null }] })
    // No list of that version says anything of encryption.
    expect(parseKept(list({ version: 1, rooms: [ROOM] }))).toBe('damaged')
    expect(parseKept(list({ version: 2, rooms: [first] }))).toBe('damaged')
  })

  it('do not take members from elsewhere', () => {
    const text = writeKept([ROOM]).replace('"title":', '"__proto__":{"title":"x"},"title":')
    expect(parseKept(text)).toBe('damaged')
  })
})

describe('titles and names', () => {
  it('become one line, or nothing', () => {
    expect(tidy('  Lucas \t Martin\u0000 ')).toBe('Lucas Martin')
    expect(tidy('<b>Zoé</b>')).toBe('<b>Zoé</b>')
    expect([tidy(' \n '), tidy('\u200b'), tidy('x'.repeat(MAX_LABEL_CHARS + 1)), tidy('a\u202eb')]).toEqual(['', '', '', ''])
  })
})

function list(change: Record<string, unknown>): string {
  return JSON.stringify({ format: 'preau-rooms', version: 2, rooms: [ROOM], ...change })
}

function without(name: keyof KeptRoom): Record<string, unknown> {
  return Object.fromEntries(Object.entries(ROOM).filter(([key]) => key !== name))
}

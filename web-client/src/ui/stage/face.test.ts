import { describe, expect, it } from 'vitest'
import type { ParticipantId } from '../../call/state'
import { initials, tint } from './face'

describe('initials', () => {
  it.each([
    ['Camille', 'C'],
    ['Jean Dupont', 'JD'],
    ['  anne  marie  ', 'AM'],
    ['Invité 3', 'I3'],
    ['Invité 27', 'I27'],
    ['élodie', 'É'],
    ['Élève du fond !', 'ÉF'],
    ['👩🏽‍🏫 Maîtresse', '👩🏽‍🏫M'],
    ['', ''],
  ])('of %j are %j', (name, expected) => {
    expect(initials(name)).toBe(expected)
  })
})

describe('tint', () => {
  it('spreads participants over all six colours and stays the same for one', () => {
    const ids = Array.from({ length: 60 }, (_, index) => `AAAAAAAA${index}` as ParticipantId)
    expect(new Set(ids.map(tint))).toEqual(new Set([0, 1, 2, 3, 4, 5]))
    expect(ids.map(tint)).toEqual(ids.map(tint))
  })
})

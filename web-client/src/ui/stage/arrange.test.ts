import { describe, expect, it } from 'vitest'
import type { Participant, ParticipantId } from '../../call/state'
import { arrange, LAYOUTS, type Sight } from './arrange'

const person = (name: string, more: Partial<Participant> = {}): Participant => ({
  id: name as ParticipantId,
  displayName: name,
  role: 'guest',
  isSelf: false,
  away: false,
  quality: 'good',
  active: new Set(),
  group: null,
  handle: null,
  granted: null,
  ...more,
})
const id = (name: string): ParticipantId => name as ParticipantId
const PEOPLE = [person('me', { isSelf: true }), person('a'), person('teacher', { role: 'moderator' }), person('b'), person('c')]
const QUIET: Sight = { people: PEOPLE, sharer: null, floor: null, pins: [], spotlight: null, layout: null }

const names = (people: readonly Participant[]): string[] => people.map((one) => one.id)
const largeIn = (change: Partial<Sight>): string[] => names(arrange({ ...QUIET, ...change }).large)

describe('the arrangement', () => {
  it('is a grid of itself, and a strip while somebody shares', () => {
    expect(arrange(QUIET)).toMatchObject({ layout: 'grid', large: [], hidden: 0 })
    expect(arrange({ ...QUIET, sharer: id('a') })).toMatchObject({ layout: 'strip', large: [] })
    expect(arrange({ ...QUIET, sharer: id('a'), layout: 'grid' }).layout).toBe('grid')
  })

  it('has everybody once, or says how many it leaves out', () => {
    for (const layout of [null, ...LAYOUTS]) {
      for (const change of [{}, { floor: id('b') }, { sharer: id('c') }, { pins: [id('c'), id('me')] }, { spotlight: id('a') }]) {
        const { large, small, hidden } = arrange({ ...QUIET, layout, ...change })
        const shown = [...names(large), ...names(small)]
        expect(new Set(shown).size).toBe(shown.length)
        expect(shown.length + hidden).toBe(PEOPLE.length)
      }
    }
  })

  it.each([
    ['speaker', { floor: id('b') }, ['b']],
    ['speaker', {}, ['teacher']],
    ['speaker', { floor: id('gone') }, ['teacher']],
    ['strip', { floor: id('b') }, ['teacher']],
    ['strip', { sharer: id('a') }, []],
    ['presenter', { sharer: id('a') }, ['a']],
    ['presenter', { floor: id('b') }, ['teacher']],
    ['grid', { floor: id('b'), sharer: id('a') }, []],
  ] as const)('of %s with %j shows %j large', (layout, change, large) => {
    expect(largeIn({ layout, ...change })).toEqual(large)
  })

  it('has somebody large without a teacher, and nobody to enlarge when one is alone', () => {
    const people = PEOPLE.filter(({ role }) => role === 'guest')
    expect(largeIn({ people, layout: 'strip' })).toEqual(['a'])
    expect(largeIn({ people: PEOPLE.slice(0, 1), layout: 'speaker' })).toEqual([])
    expect(largeIn({ people: PEOPLE.slice(0, 1), layout: 'presenter' })).toEqual(['me'])
  })

  it('shows pins large in the order of the clicks, before the spotlight, before the layout', () => {
    for (const layout of LAYOUTS) {
      expect(largeIn({ layout, pins: [id('c'), id('a')], spotlight: id('b'), floor: id('b') })).toEqual(['c', 'a'])
      expect(largeIn({ layout, spotlight: id('b'), floor: id('c') })).toEqual(['b'])
      expect(largeIn({ layout, pins: [id('gone')], spotlight: id('b') })).toEqual(['b'])
    }
  })

  it('leaves the page of whoever is in the spotlight as it was', () => {
    expect(largeIn({ spotlight: id('me') })).toEqual([])
    expect(largeIn({ spotlight: id('me'), layout: 'speaker', floor: id('b') })).toEqual(['b'])
  })
})

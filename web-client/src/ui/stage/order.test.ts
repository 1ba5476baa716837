import { describe, expect, it } from 'vitest'
import { classOf } from '../../../gallery/fake-call'
import type { Participant, ParticipantId } from '../../call/state'
import { ordered } from './order'

const NOBODY: ReadonlySet<ParticipantId> = new Set()
/** Oneself, then 29 with neither camera nor role. */
const CLASS = classOf(30).map((one): Participant => ({ ...one, role: 'guest', active: new Set() }))
const ids = (people: readonly Participant[]): ParticipantId[] => people.map(({ id }) => id)
const idOf = (index: number): ParticipantId => CLASS[index]?.id ?? ('' as ParticipantId)
const change = (index: number, more: Partial<Participant>): Participant[] =>
  CLASS.map((one, at) => (at === index ? { ...one, ...more } : one))

describe('the order of the pages', () => {
  it('is that of arrival where one page is enough, whatever happens', () => {
    const recent = new Set([idOf(20)])
    const people = change(25, { active: new Set(['camera']), role: 'moderator' })
    expect(ids(ordered([], people, recent, 30))).toEqual(ids(CLASS))
  })

  it('brings whoever spoke to the first page, and moves nobody but one', () => {
    const before = ids(ordered([], CLASS, NOBODY, 9))
    const after = ids(ordered(before, CLASS, new Set([idOf(20)]), 9))
    expect(after.slice(0, 9)).toContain(idOf(20))
    const moved = after.slice(0, 9).filter((id, at) => id !== before[at])
    expect(moved).toEqual([idOf(20)])
    expect(after[0]).toBe(idOf(0))
  })

  it('moves nobody when somebody of the first page speaks', () => {
    const before = ids(ordered([], CLASS, NOBODY, 9))
    expect(ids(ordered(before, CLASS, new Set([idOf(7)]), 9))).toEqual(before)
  })

  it('puts who spoke before cameras, cameras before moderators, and those before the others', () => {
    const people = CLASS.map((one, at): Participant => {
      if (at === 29) return { ...one, role: 'moderator' }
      return at === 28 ? { ...one, active: new Set(['camera']) } : one
    })
    expect(ids(ordered([], people, new Set([idOf(27)]), 5)).slice(0, 5)).toEqual([0, 27, 28, 29, 1].map(idOf))
  })

  it('has everybody once, also when people come and go', () => {
    let before: ParticipantId[] = []
    for (let step = 0; step < 200; step += 1) {
      const people = CLASS.filter((_, at) => at === 0 || (at * 7 + step * 13) % 5 !== 0)
      const recent = new Set(people.filter((_, at) => (at + step) % 11 === 0).map(({ id }) => id))
      const perPage = 1 + (step % 12)
      before = ids(ordered(before, people, recent, perPage))
      expect([...before].sort()).toEqual(ids(people).sort())
      expect(before.indexOf(idOf(0))).toBeLessThan(perPage)
    }
  })
})

import { describe, expect, it } from 'vitest'
import type { ParticipantId } from '../../call/state'
import { swiped } from './swipe'
import { makeView, nextLayout, togglePin, turnPages } from './view'

describe('the own view', () => {
  it('holds any number of pins, in the order of the clicks', () => {
    const view = makeView()
    for (const id of ['a', 'b', 'c', 'b'] as ParticipantId[]) togglePin(view, id)
    expect(view.pins.value).toEqual(['a', 'c'])
  })

  it('goes through every layout and back to what suits', () => {
    const seen = [nextLayout(null)]
    while (seen.at(-1) !== null) seen.push(nextLayout(seen.at(-1) ?? null))
    expect(seen).toEqual(['grid', 'speaker', 'strip', 'presenter', null])
  })

  it('turns pages to the ends and not past them, also when there are fewer by now', () => {
    const view = makeView()
    view.pages.value = 3
    for (const by of [-1, 1, 1, 1, 1]) turnPages(view, by)
    expect(view.page.value).toBe(2)
    view.pages.value = 2
    turnPages(view, -1)
    expect(view.page.value).toBe(0)
  })
})

describe('a finger', () => {
  it('turns a page when it goes across, not when it shakes or goes down', () => {
    expect(swiped({ x: 300, y: 100 }, { x: 100, y: 120 })).toBe(1)
    expect(swiped({ x: 100, y: 100 }, { x: 300, y: 120 })).toBe(-1)
    expect(swiped({ x: 100, y: 100 }, { x: 130, y: 100 })).toBe(0)
    expect(swiped({ x: 100, y: 100 }, { x: 200, y: 300 })).toBe(0)
  })
})

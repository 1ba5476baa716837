import { describe, expect, it } from 'vitest'
import { drawSecurely, splitAtRandom, usualCount } from './split'

const people = (count: number) => Array.from({ length: count }, (_, n) => n)

describe('groups at random', () => {
  it.each([
    [30, 6],
    [31, 6],
    [7, 3],
    [2, 4],
    [0, 2],
  ])('of %i people into %i hold everybody once, and differ by one at most', (count, groups) => {
    const places = splitAtRandom(people(count), groups, drawSecurely)
    expect([...places.keys()].sort((a, b) => a - b)).toEqual(people(count))
    const sizes = people(groups).map((group) => [...places.values()].filter((place) => place === group).length)
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
  })

  it('follow from what is drawn', () => {
    expect([...splitAtRandom(['a', 'b', 'c', 'd'], 2, () => 0)]).toEqual([['b', 0], ['c', 1], ['d', 0], ['a', 1]])
    expect([...splitAtRandom(['a', 'b', 'c', 'd'], 2, (below) => below - 1)]).toEqual([['a', 0], ['b', 1], ['c', 0], ['d', 1]])
  })

  it('are drawn within bounds, and every number comes', () => {
    const drawn = new Set(Array.from({ length: 600 }, () => drawSecurely(6)))
    expect([...drawn].sort()).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('begin with about four people in each', () => {
    expect([0, 3, 8, 30, 500].map(usualCount)).toEqual([2, 2, 2, 8, 30])
  })
})

import { describe, expect, it } from 'vitest'
import { PathWatch } from './path-watch'

/** Feeds growth per look; gives the looks at which the watch called. */
function calls(growth: readonly number[]): number[] {
  const watch = new PathWatch()
  let bytes = 0
  return growth.flatMap((more, index) => {
    bytes += more
    return watch.look(bytes) ? [index] : []
  })
}

const FLOW = [9, 9, 9, 9, 9]

describe('the watch over a path', () => {
  it('calls when a steady flow stops, once', () => {
    expect(calls([...FLOW, 0, 0, 0, 0, 0, 0])).toEqual([6])
  })

  it('calls again after the flow was steady again', () => {
    expect(calls([...FLOW, 0, 0, 0, ...FLOW, 0, 0])).toEqual([6, 14])
  })

  it('keeps calm where one look in between sees nothing', () => {
    expect(calls([...FLOW, 0, 9, 0, 9, 0, 9, ...FLOW])).toEqual([])
  })

  it('keeps calm in pauses of a voice and where nothing flows', () => {
    expect(calls([9, 0, 9, 0, 0, 9, 0, 9, 9, 0, 0, 0, 9, 0])).toEqual([])
    expect(calls([0, 0, 0, 0, 0, 0])).toEqual([])
  })

  it('takes a counter that starts again for a flow', () => {
    const watch = new PathWatch()
    for (const bytes of [10, 20, 30, 40, 50, 5, 5]) expect(watch.look(bytes)).toBe(false)
    expect(watch.look(5)).toBe(true)
  })
})

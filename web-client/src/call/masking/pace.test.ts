import { expect, it } from 'vitest'
import { Pace } from './pace'

/** At which of these frames a machine is found too slow; `null` if it never is. */
function verdict(costs: number[], budget = 90): number | null {
  const pace = new Pace(budget)
  const index = costs.findIndex((cost) => pace.note(cost))
  return index < 0 ? null : index
}

const times = (count: number, cost: number) => Array.from({ length: count }, () => cost)

it('a machine that needs longer than allowed is found too slow within a few seconds', () => {
  const at = verdict(times(100, 200))
  expect(at).not.toBeNull()
  expect((at ?? 0) * 200).toBeLessThan(4_000)
})

it('a quick machine never is, whatever its first frames and a hiccup cost', () => {
  expect(verdict([...times(4, 900), ...times(500, 20)])).toBeNull()
  expect(verdict([...times(50, 20), 700, ...times(500, 20)])).toBeNull()
})

it('a machine that becomes slow later is found out', () => {
  expect(verdict([...times(300, 20), ...times(100, 150)])).not.toBeNull()
})

it('the budget decides', () => {
  expect(verdict(times(300, 50), 60)).toBeNull()
  expect(verdict(times(300, 50), 40)).not.toBeNull()
  expect(verdict(times(300, 5000), Infinity)).toBeNull()
})

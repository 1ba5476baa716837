import { describe, expect, it } from 'vitest'
import { clock, secondsLeft, typedMinutes, untilNextSecond } from './clock'

describe('a timer', () => {
  it('counts whole seconds, the last until it is over', () => {
    expect([10_000, 9_001, 9_000, 1, 0, -5].map((left) => secondsLeft(left, 0))).toEqual([10, 10, 9, 1, 0, 0])
  })

  it('looks again exactly when the number changes', () => {
    for (const left of [10_000, 9_001, 9_000, 1_500, 1]) {
      const wait = untilNextSecond(left, 0)
      expect(wait).toBeGreaterThan(0)
      expect(wait).toBeLessThanOrEqual(1_000)
      expect(secondsLeft(left, wait)).toBe(secondsLeft(left, 0) - 1)
    }
    expect(untilNextSecond(0, 0)).toBe(0)
  })

  it('reads like a clock', () => {
    expect([0, 5, 65, 599, 3_600, 36_061].map(clock)).toEqual(['0:00', '0:05', '1:05', '9:59', '1:00:00', '10:01:01'])
  })

  it('takes minutes as people type them, and nothing else', () => {
    expect(['5', ' 1,5 ', '0.5', '1440'].map(typedMinutes)).toEqual([300, 90, 30, 86_400])
    for (const typed of ['', '0', '-1', '1441', 'cinq', '1e3', '5 min', '1.234', '0.001']) expect(typedMinutes(typed), typed).toBeNull()
  })
})

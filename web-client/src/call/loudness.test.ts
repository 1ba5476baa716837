import { expect, it } from 'vitest'
import { levelOf } from './loudness'

it('measures loudness as ears do: silence is 0, full scale is 1, a whisper is in between', () => {
  const tone = (amplitude: number): Float32Array =>
    Float32Array.from({ length: 1024 }, (_, i) => amplitude * Math.sin(i / 5))
  expect(levelOf(new Float32Array(1024))).toBe(0)
  expect(levelOf(tone(1))).toBeGreaterThan(0.9)
  expect(levelOf(tone(0.01))).toBeGreaterThan(0.1)
  expect(levelOf(tone(0.01))).toBeLessThan(levelOf(tone(0.1)))
})

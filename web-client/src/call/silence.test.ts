import { describe, expect, it } from 'vitest'
import { dismiss, hear, isSound, LISTENING } from './silence'

/** What is known after looks at these times, each with sound or without. */
const after = (looks: [at: number, sound: boolean][]) =>
  looks.reduce((hearing, [at, sound]) => hear(hearing, sound, at), LISTENING)

describe('a microphone', () => {
  it('that gives nothing for eight seconds is unheard, not before', () => {
    expect(after([[0, false], [7_900, false]]).unheard).toBe(false)
    expect(after([[0, false], [8_000, false]]).unheard).toBe(true)
  })

  it('is heard again with the first sound, and silence begins anew', () => {
    expect(after([[0, false], [8_000, false], [8_100, true]]).unheard).toBe(false)
    expect(after([[0, false], [7_900, true], [8_000, false], [15_900, false]]).unheard).toBe(false)
    expect(after([[0, false], [7_900, true], [8_000, false], [16_000, false]]).unheard).toBe(true)
  })

  it('is not spoken of again once the person knows', () => {
    const known = dismiss(after([[0, false], [8_000, false]]))
    expect(hear(known, false, 60_000).unheard).toBe(false)
  })

  it('that is looked at in vain changes nothing', () => {
    const silent = after([[0, false]])
    expect(hear(silent, false, 100)).toBe(silent)
    expect(hear(LISTENING, true, 100)).toBe(LISTENING)
  })
})

it('takes a quiet room for sound, and a dead line for silence', () => {
  const noise = (amplitude: number) => Float32Array.from({ length: 1024 }, (_, i) => amplitude * Math.sin(i))
  expect(isSound(noise(0.0001))).toBe(true)
  expect(isSound(noise(0.00001))).toBe(false)
  expect(isSound(new Float32Array(1024))).toBe(false)
})

import { expect, it } from 'vitest'
import { nextSpeaker } from './speaker'

it.each([
  ['nobody has spoken yet', null, {}, null],
  ['the first to speak is shown', null, { a: 0.2, b: 0.001 }, 'a'],
  ['silence takes the picture from nobody', 'a', { a: 0.001, b: 0.002 }, 'a'],
  ['somebody else speaks', 'a', { a: 0.001, b: 0.1 }, 'b'],
  ['two speak at once', 'a', { a: 0.1, b: 0.12 }, 'a'],
  ['one is clearly louder', 'a', { a: 0.1, b: 0.2 }, 'b'],
  ['whoever spoke is gone', 'gone', { b: 0.1 }, 'b'],
  ['the loudest of many', null, { a: 0.1, b: 0.3, c: 0.2 }, 'b'],
] as const)('the picture follows the voice: %s', (_, current, levels, expected) => {
  expect(nextSpeaker(current, new Map(Object.entries(levels)))).toBe(expected)
})

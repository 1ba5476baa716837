import { describe, expect, it } from 'vitest'
import type { ParticipantId } from '../../call/state'
import { hear, SILENCE, type Turns, untilNextLook } from './turns'

/** What is known after these words, each from the given moment, with every look that is asked for. */
function after(words: readonly (readonly [at: number, speaking: string])[], until = Infinity): { turns: Turns; floors: string[] } {
  let turns = SILENCE
  const floors: string[] = []
  const look = (now: number, speaking: string) => {
    turns = hear(turns, new Set(Array.from(speaking) as ParticipantId[]), now)
    if (turns.floor !== null && floors.at(-1) !== turns.floor) floors.push(turns.floor)
  }
  words.forEach(([at, speaking], index) => {
    const end = Math.min(words[index + 1]?.[0] ?? at + 60_000, until)
    let now = at
    look(now, speaking)
    for (let wait = untilNextLook(turns, now); wait !== null && now + wait < end; wait = untilNextLook(turns, now)) {
      now += wait
      look(now, speaking)
    }
  })
  return { turns, floors }
}

describe('the word', () => {
  it('goes to the first who speaks at once, and stays with them in silence', () => {
    expect(after([[0, 'a'], [200, '']]).floors).toEqual(['a'])
    expect(after([]).turns.floor).toBeNull()
  })

  it('goes on when somebody else has spoken for a while, not before', () => {
    expect(after([[0, 'a'], [3_000, ''], [4_000, 'b']], 5_499).floors).toEqual(['a'])
    expect(after([[0, 'a'], [3_000, ''], [4_000, 'b']], 5_501).floors).toEqual(['a', 'b'])
  })

  it('does not follow a cough, a laugh or a "yes"', () => {
    expect(after([[0, 'a'], [5_000, 'ab'], [6_000, 'a'], [7_000, 'bc'], [8_000, 'c'], [8_400, 'a']]).floors).toEqual(['a'])
  })

  it('goes to whoever began last of two who speak together, once', () => {
    expect(after([[0, 'a'], [10_000, 'ab'], [60_000, 'ab']]).floors).toEqual(['a', 'b'])
  })

  it('stays through short pauses while another speaks on', () => {
    const pauses = [[0, 'a'], [5_000, 'ab'], [8_000, 'a'], [9_000, 'ab'], [11_000, 'a'], [12_000, 'ab']] as const
    expect(after(pauses).floors).toEqual(['a', 'b'])
    expect(after([...pauses, [20_000, 'a']]).floors).toEqual(['a', 'b', 'a'])
  })

  it('never moves twice within a second and a half, whatever is heard', () => {
    let turns = SILENCE
    let moved = -Infinity
    let times = 0
    let chance = 1
    const speaking = new Set<ParticipantId>()
    for (let step = 0; step < 20_000; step += 1) {
      const now = step * 90
      chance = (chance * 48_271) % 2_147_483_647
      const id = ['a', 'b', 'c'][chance % 3] as ParticipantId
      if (chance % 100 < 12 && !speaking.delete(id)) speaking.add(id)
      const next = hear(turns, speaking, now)
      if (next.floor !== turns.floor && turns.floor !== null) {
        expect(now - moved).toBeGreaterThanOrEqual(1_500)
        moved = now
        times += 1
      }
      turns = next
    }
    expect(times).toBeGreaterThan(10)
  })
})

describe('who spoke lately', () => {
  it('are those who had the word, not those who coughed', () => {
    const { turns } = after([[0, 'a'], [2_000, 'b'], [2_500, '']])
    expect([...turns.recent]).toEqual(['a'])
  })

  it('stay the same set until somebody joins them, who finds the old ones gone', () => {
    const { turns } = after([[0, 'a'], [2_000, '']])
    const later = hear(turns, new Set(), 500_000)
    expect(later.recent).toBe(turns.recent)
    const spoken = hear(hear(later, new Set(['b'] as ParticipantId[]), 500_000), new Set(['b'] as ParticipantId[]), 501_500)
    expect([...spoken.recent]).toEqual(['b'])
  })
})

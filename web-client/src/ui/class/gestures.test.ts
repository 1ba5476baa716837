import { describe, expect, it } from 'vitest'
import type { ShownReaction } from '../../call/class-life'
import type { ParticipantId } from '../../call/state'
import type { Reaction } from '../../protocol/generated'
import { heapsOf, SHOWN_MS } from './gestures'

const shown = (who: string, reaction: Reaction, at: number): ShownReaction => ({
  key: at,
  participant: who as ParticipantId,
  displayName: who.toUpperCase(),
  reaction,
  at,
})

describe('gestures', () => {
  it('of one kind are one heap, each person counted once', () => {
    const reactions = [shown('a', 'applause', 1), shown('b', 'applause', 2), shown('a', 'applause', 3), shown('c', 'heart', 4)]
    expect(heapsOf(reactions, 10).map(({ reaction, first, count }) => [reaction, first, count])).toEqual([
      ['applause', 'A', 2],
      ['heart', 'C', 1],
    ])
  })

  it('go by themselves', () => {
    const reactions = [shown('a', 'heart', 0), shown('b', 'heart', 1_000)]
    expect(heapsOf(reactions, SHOWN_MS).map(({ first }) => first)).toEqual(['B'])
    expect(heapsOf(reactions, SHOWN_MS + 1_000)).toEqual([])
  })
})

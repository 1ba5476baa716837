import { describe, expect, it } from 'vitest'
import { audienceAfter, type ChatReach } from './audience'

const CLASS: ChatReach = { allowed: true, group: null }
const CLOSED: ChatReach = { allowed: false, group: null }
const GROUP: ChatReach = { allowed: true, group: 0 }

describe('the audience of a line', () => {
  it('stays with the moderators when a closed chat opens again', () => {
    const closed = audienceAfter('everybody', true, CLASS, CLOSED)
    expect(closed).toBe('moderators')
    expect(audienceAfter(closed, true, CLOSED, CLASS)).toBe('moderators')
  })

  it('does not grow from the group to the class, nor change to another group, while something is written', () => {
    expect(audienceAfter('everybody', true, GROUP, CLASS)).toBe('moderators')
    expect(audienceAfter('everybody', true, GROUP, { allowed: true, group: 1 })).toBe('moderators')
    expect(audienceAfter('everybody', false, GROUP, CLASS)).toBe('everybody')
  })

  it('is left alone where fewer people read', () => {
    expect(audienceAfter('everybody', true, CLASS, GROUP)).toBe('everybody')
  })
})

import { describe, expect, it } from 'vitest'
import { QUIET_ROOM } from '../protocol/samples'
import { changeLife, type ClassLife, enterLife, hearLife, leaveLife, type LifeMessage, QUIET_LIFE } from './class-life'
import type { Participant, ParticipantId } from './state'

const id = (name: string): ParticipantId => name as ParticipantId
const person = (name: string, isSelf = false): Participant => ({
  id: id(name),
  displayName: name.toUpperCase(),
  role: 'guest',
  isSelf,
  away: false,
  quality: 'good',
  active: new Set(),
  group: null,
  handle: null,
  granted: null,
})
const PEOPLE = [person('me', true), person('a'), person('b')]

const hear = (messages: readonly LifeMessage[], life: ClassLife = QUIET_LIFE, at = 1_000): ClassLife =>
  messages.reduce((before, message) => hearLife(before, message, PEOPLE, at), life)
const line = (participant: string, text: string): LifeMessage => ({ type: 'chatted', participant, audience: 'everybody', text })
const open = (poll: number, ballots = 0): LifeMessage => ({
  type: 'poll_changed',
  poll: { poll, question: 'Compris ?', choices: ['oui', 'non'], ballots },
})

describe('class life', () => {
  it('keeps the queue of hands as it is told', () => {
    const life = hear([{ type: 'hands_changed', hands: ['b', 'a'] }, { type: 'hands_changed', hands: ['a'] }])
    expect(life.hands).toEqual(['a'])
  })

  it('shows the own opinion before the server counts it, and takes it down when all are cleared', () => {
    const totals = { yes: 1, no: 0, slower: 0, faster: 0 }
    const held = hear([{ type: 'opinions_changed', totals, cleared: false }], changeLife(QUIET_LIFE, { type: 'hold_opinion', opinion: 'yes' }))
    expect([held.ownOpinion, held.opinions.yes]).toEqual(['yes', 1])
    expect(hear([{ type: 'opinions_changed', totals: { ...totals, yes: 0 }, cleared: true }], held).ownOpinion).toBeNull()
  })

  it('turns what is left of a timer into a time of its own clock', () => {
    const started = hear([{ type: 'timer_changed', timerMs: 60_000 }], QUIET_LIFE, 5_000)
    expect(started.timerEndsAt).toBe(65_000)
    expect(hear([{ type: 'timer_changed', timerMs: null }], started).timerEndsAt).toBeNull()
  })

  it('keeps written lines with the name of then, in order, and not without end', () => {
    const life = hear([line('a', 'un'), line('me', 'deux'), line('gone', 'trois')])
    expect(life.chat.map(({ displayName, isSelf, text, key }) => [displayName, isSelf, text, key])).toEqual([
      ['A', false, 'un', 1],
      ['ME', true, 'deux', 2],
      ['', false, 'trois', 3],
    ])
    const many = hear(Array.from({ length: 600 }, (_, n) => line('a', String(n))))
    expect([many.chat.length, many.chat[0]?.text, many.chat.at(-1)?.text]).toEqual([500, '100', '599'])
  })

  it('keeps the latest gestures only', () => {
    const many = hear(Array.from({ length: 40 }, () => ({ type: 'reacted', participant: 'a', reaction: 'heart' }) as const))
    expect([many.reactions.length, many.reactions.at(-1)?.key]).toEqual([24, 40])
  })

  it('counts ballots without touching the own vote, and forgets it with the next question', () => {
    const voted = changeLife(hear([open(1)]), { type: 'voted', poll: 1, choice: 1 })
    const counted = hear([open(1, 7)], voted)
    expect(counted.poll).toMatchObject({ ballots: 7, hasVoted: true, choice: 1 })
    expect(hear([open(2)], counted).poll).toMatchObject({ hasVoted: false, choice: null })
  })

  it('takes a vote back that was not counted, and none for another question', () => {
    const voted = changeLife(hear([open(1)]), { type: 'voted', poll: 1, choice: 1 })
    expect(changeLife(voted, { type: 'voted', poll: 1, choice: null }).poll?.hasVoted).toBe(false)
    expect(changeLife(voted, { type: 'voted', poll: 2, choice: 0 })).toBe(voted)
  })

  it('shows the result of the question that was open, until it is put away or the next opens', () => {
    const closed = hear([open(1), { type: 'poll_closed', poll: 1, results: [3, 4] }])
    expect([closed.poll, closed.result]).toEqual([null, { poll: 1, question: 'Compris ?', choices: ['oui', 'non'], results: [3, 4] }])
    expect(changeLife(closed, { type: 'put_away', what: 'result' }).result).toBeNull()
    expect(hear([open(2)], closed).result).toBeNull()
    expect(hear([{ type: 'poll_closed', poll: 9, results: [] }]).result).toBeNull()
  })

  it('shows an announcement until it is put away', () => {
    const told = hear([{ type: 'announced', participant: 'a', text: 'Cinq minutes' }])
    expect(told.announcement).toMatchObject({ displayName: 'A', text: 'Cinq minutes' })
    expect(changeLife(told, { type: 'put_away', what: 'announcement' }).announcement).toBeNull()
  })

  it('lists each call for help once, until it is put away or they left', () => {
    const call = (participant: string): LifeMessage => ({ type: 'help_called', participant })
    const life = hear([call('a'), call('b'), call('a')])
    expect(life.helpCalls).toEqual(['b', 'a'])
    expect(changeLife(life, { type: 'put_away_help', participant: id('b') }).helpCalls).toEqual(['a'])
    expect(leaveLife(life, 'a').helpCalls).toEqual(['b'])
    expect(leaveLife(life, 'c')).toBe(life)
  })

  it('takes over what a late comer is told, and keeps what is on the page', () => {
    const before = changeLife(hear([line('a', 'un'), open(3)]), { type: 'voted', poll: 3, choice: 0 })
    const poll = { poll: 3, question: 'Compris ?', choices: ['oui', 'non'], ballots: 2 }
    const state = { ...QUIET_ROOM.state, hands: ['b'], timerMs: 500, spotlight: 'a', poll }
    const life = enterLife(before, state, { ...QUIET_ROOM.own, opinion: 'slower', hasVoted: true }, new Set(), 100)
    expect(life).toMatchObject({ hands: ['b'], timerEndsAt: 600, spotlight: 'a', ownOpinion: 'slower' })
    expect(life.poll).toMatchObject({ ballots: 2, hasVoted: true, choice: 0 })
    expect(life.chat).toHaveLength(1)
    // A page loaded anew knows that it voted, not what.
    expect(enterLife(QUIET_LIFE, state, { ...QUIET_ROOM.own, hasVoted: true }, new Set(), 0).poll).toMatchObject({ hasVoted: true, choice: null })
  })
})

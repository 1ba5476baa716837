import { beforeEach, describe, expect, it } from 'vitest'
import { classOf } from '../../../gallery/fake-call'
import { INITIAL_MODEL } from '../../call/model'
import type { ClassLife } from '../../call/class-life'
import type { CallState, ParticipantId } from '../../call/state'
import { language } from '../../i18n'
import { comingsOf, gesturesSince, newsOf } from './news'

const people = classOf(4)
const [self, ann, ben] = people.map(({ id }) => id) as [ParticipantId, ParticipantId, ParticipantId]
const QUIET: CallState = { ...INITIAL_MODEL.view, phase: { name: 'in_call' }, selfId: self, participants: people }
const state = (life: Partial<ClassLife>, change: Partial<CallState> = {}): CallState => ({ ...QUIET, ...change, life: { ...QUIET.life, ...life } })
const NOBODY: ReadonlySet<ParticipantId> = new Set()
const line = (key: number, participant: ParticipantId) =>
  ({ key, participant, displayName: 'Camille', isSelf: participant === self, audience: 'everybody', text: 'x', at: 0 }) as const

beforeEach(() => {
  language.value = 'fr'
})

describe('news of class life', () => {
  it('tells a hand by name and several by number, with a sound; not the own', () => {
    expect(newsOf(QUIET, state({ hands: [ann] }), false)).toEqual({ sentences: ['Camille lève la main.'], sound: 'hand' })
    expect(newsOf(QUIET, state({ hands: [ann, ben] }), false).sentences).toEqual(['2 mains se lèvent.'])
    expect(newsOf(QUIET, state({ hands: [self] }), false)).toEqual({ sentences: [], sound: null })
    expect(newsOf(state({ hands: [self] }), QUIET, false).sentences).toEqual(['Votre main est baissée.'])
  })

  it('tells written lines only while they are not on the screen', () => {
    const written = state({ chat: [line(1, ann)], nextKey: 2 })
    expect(newsOf(QUIET, written, false).sentences).toEqual(['Nouveau message, écrit par Camille.'])
    expect(newsOf(QUIET, written, true).sentences).toEqual([])
    expect(newsOf(QUIET, state({ chat: [line(1, self)], nextKey: 2 }), false).sentences).toEqual([])
    expect(newsOf(QUIET, state({ chat: [line(1, ann), line(2, ben)], nextKey: 3 }), false).sentences).toEqual(['2 nouveaux messages.'])
  })

  it('tells a question once, and its end', () => {
    const poll = { poll: 1, question: 'Compris ?', choices: ['a', 'b'], ballots: 0, hasVoted: false, choice: null }
    const open = state({ poll })
    expect(newsOf(QUIET, open, false).sentences).toEqual(['Question ouverte\u00a0: Compris ?'])
    expect(newsOf(open, state({ poll: { ...poll, ballots: 1 } }), false).sentences).toEqual([])
    const result = { poll: 1, question: 'Compris ?', choices: ['a', 'b'], results: [1, 0] }
    expect(newsOf(open, state({ result }), false).sentences).toHaveLength(1)
  })

  it('tells where one was moved', () => {
    const moved = state({}, { participants: people.map((one) => (one.isSelf ? { ...one, group: 1 } : one)) })
    expect(newsOf(QUIET, moved, false).sentences[0]).toContain('Groupe 2')
    expect(newsOf(moved, QUIET, false).sentences).toHaveLength(1)
  })

  it('lets an arrival and a call for help be heard', () => {
    expect(newsOf(state({}, { participants: people.slice(0, 3) }), QUIET, false).sound).toBe('arrival')
    expect(newsOf(QUIET, state({ helpCalls: [ann] }), false).sound).toBe('hand')
  })

  it('lets somebody who begins to wait be heard, and tells how many wait', () => {
    const one = state({}, { waiting: [{ id: ann, displayName: 'Ann' }] })
    const two = state({}, { waiting: [...one.waiting, { id: ben, displayName: 'Ben' }] })
    expect(newsOf(QUIET, one, false).sound).toBe('knock')
    expect(newsOf(two, one, false).sound).toBeNull()
    expect(comingsOf(QUIET, two, NOBODY)).toEqual(['2 personnes attendent'])
    expect(comingsOf(two, one, NOBODY)).toEqual([])
  })

  it('makes one sentence of all who came, and one of all who left', () => {
    const alone = state({}, { participants: people.slice(0, 1) })
    expect(comingsOf(alone, QUIET, NOBODY)).toEqual(['3 personnes ont rejoint la réunion.'])
    expect(comingsOf(QUIET, state({}, { participants: people.slice(0, 3) }), NOBODY)).toHaveLength(1)
    expect(comingsOf(INITIAL_MODEL.view, QUIET, NOBODY)).toEqual([])
  })

  it('does not tell who went where this page put them out, and tells the others', () => {
    const left = (count: number) => comingsOf(QUIET, state({}, { participants: people.slice(0, count) }), new Set([people[3]?.id ?? self]))
    expect(left(3)).toEqual([])
    expect(left(2)).toEqual([`${people[2]?.displayName ?? ''} n’est plus dans la réunion.`])
  })

  it('has none for a page that comes into the room', () => {
    expect(newsOf(INITIAL_MODEL.view, state({ hands: [ann, ben] }), false)).toEqual({ sentences: [], sound: null })
  })

  it('makes one sentence of many gestures', () => {
    const gesture = (key: number, participant: ParticipantId) => ({ key, participant, displayName: 'Camille', reaction: 'heart', at: 0 }) as const
    const labels = new Map([['heart', 'Cœur']])
    expect(gesturesSince(state({ reactions: [gesture(1, ann)] }), 1, labels)).toBe('Camille\u00a0: Cœur')
    expect(gesturesSince(state({ reactions: [gesture(1, ann), gesture(2, ben), gesture(3, ann)] }), 2, labels)).toBe('2 réactions.')
    expect(gesturesSince(state({ reactions: [gesture(1, self)] }), 1, labels)).toBeNull()
  })
})

import { describe, expect, it } from 'vitest'
import type { RecordingInfo, Role, ServerMessage } from '../protocol/generated'
import type { Request } from '../protocol/connection'
import { OPEN_RULES, QUIET_ROOM } from '../protocol/samples'
import type { ClassMessage, Question } from './class-messages'
import { readClassMessage, readQuestion, readSnapshot } from './class-messages'
import {
  ask,
  type Audience,
  type Classroom,
  type ClassStep,
  enterClassroom,
  hearMember,
  hearServer,
  hearSnapshot,
  openPoll,
  snapshotOf,
  tellTotals,
} from './classroom'

type Joined = Extract<ServerMessage, { type: 'joined' }>
const info = (participant: string, group: number | null = null) => ({
  participant,
  displayName: `Invité ${participant}`,
  role: 'guest' as const,
  active: [],
  away: false,
  group,
  handle: null,
  granted: null,
})
const joinedAs = (role: Role, change: Partial<Joined> = {}): Joined => ({
  type: 'joined',
  participant: 'me',
  displayName: 'Invité 1',
  role,
  resumed: false,
  resume: 'token',
  participants: [info('ada'), info('bob'), info('tea')],
  ...QUIET_ROOM,
  ...change,
})

/** A page in a room, and all that it was told and said. */
class Page {
  room: Classroom
  told: ServerMessage[] = []
  said: unknown[] = []
  constructor(role: Role = 'guest', name: string | null = 'Moi', change: Partial<Joined> = {}) {
    this.room = enterClassroom(name)
    this.server(joinedAs(role, change))
  }
  take(step: ClassStep): this {
    this.room = step.classroom
    this.told.push(...step.told)
    this.said.push(...step.say)
    return this
  }
  server(message: ServerMessage, at = 0): this {
    return this.take(hearServer(this.room, message, at))
  }
  hear(participant: string, message: ClassMessage, audience: Audience = 'everybody', role: Role = participant === 'tea' ? 'moderator' : 'guest'): this {
    return this.take(hearMember(this.room, { participant, role }, audience, message))
  }
  /** What it was told since it was last asked. */
  news(): ServerMessage[] {
    return this.told.splice(0)
  }
  says(): unknown[] {
    return this.said.splice(0)
  }
  quiet(): this {
    this.news()
    this.says()
    return this
  }
}

const rules = (change: Partial<typeof OPEN_RULES.open.guests>): ServerMessage => ({
  type: 'rules_changed',
  rules: { ...OPEN_RULES, open: { ...OPEN_RULES.open, guests: { ...OPEN_RULES.open.guests, ...change } } },
  rights: OPEN_RULES.open.guests,
})
const OPENED = (poll: number): ServerMessage => ({ type: 'mls_poll_opened', poll, sealed: 'c2VhbGVk', by: 'tea' })
const QUESTION: Question = { question: ' Compris ? ', choices: ['oui', 'non'], key: 'k', nonce: 'n' }
const RECORDING: RecordingInfo = {
  recording: 'A'.repeat(22),
  terms: { purpose: 'revision', details: 'Les volcans', retentionDays: 7, audience: 'La classe' },
  askedBy: 'tea',
  askedByName: 'Invité tea',
  recipients: [],
  recipientsSignature: null,
  startedAt: 1_800_000_000,
  textVersion: 1,
}

describe('names', () => {
  it('are the server’s neutral ones until somebody says theirs', () => {
    const page = new Page()
    const [joined] = page.news()
    expect(joined).toMatchObject({ displayName: 'Moi', participants: [{ displayName: 'Invité ada' }, {}, {}] })
    expect(page.hear('ada', { t: 'hello', name: ' Ada ' }).news()).toEqual([
      { type: 'participant_renamed', participant: 'ada', displayName: 'Ada' },
    ])
    expect(page.hear('ada', { t: 'hello', name: 'Ada' }).news()).toEqual([])
    page.server({ type: 'participant_joined', participant: info('ada') })
    expect(page.news()).toMatchObject([{ participant: { displayName: 'Ada' } }])
  })

  it('are refused where they disguise something, and change only by right', () => {
    const page = new Page().quiet()
    for (const name of ['', ' ', 'a\u202eb', 'x'.repeat(41), '\u200d']) page.hear('ada', { t: 'hello', name })
    expect(page.news()).toEqual([])
    page.hear('ada', { t: 'hello', name: 'Ada' }).server(rules({ rename: false })).quiet()
    expect(page.hear('ada', { t: 'hello', name: 'Le proviseur' }).news()).toEqual([])
    expect(page.hear('tea', { t: 'hello', name: 'Mme Roy' }).hear('tea', { t: 'hello', name: 'M. Roy' }).news()).toHaveLength(2)
    expect(ask(page.room, { type: 'rename', displayName: 'Autre' })).toBe('not_allowed')
  })

  it('change whatever the rules say while a recording asks, which would keep them', () => {
    const page = new Page().hear('ada', { t: 'hello', name: 'Ada' }).hear('me', { t: 'hello', name: 'Moi' }).server(rules({ rename: false })).quiet()
    const rename: Request = { type: 'rename', displayName: 'Autre' }
    const running: ServerMessage = { type: 'recording_changed', recording: RECORDING, end: null }
    page.server(running).quiet()
    expect(ask(page.room, rename)).toEqual({ audience: 'everybody', message: { t: 'hello', name: 'Autre' } })
    expect(page.hear('ada', { t: 'hello', name: 'A.' }).news()).toEqual([{ type: 'participant_renamed', participant: 'ada', displayName: 'A.' }])
    page.server({ type: 'recording_changed', recording: null, end: 'stopped' }).quiet()
    expect(ask(page.room, rename)).toBe('not_allowed')
    expect(page.hear('ada', { t: 'hello', name: 'Le proviseur' }).news()).toEqual([])
    // Also to whoever comes while it runs, and not to whoever comes back after it.
    const guests = { ...OPEN_RULES, open: { ...OPEN_RULES.open, guests: { ...OPEN_RULES.open.guests, rename: false } } }
    const late = new Page('guest', 'Moi', { rules: guests, state: { ...QUIET_ROOM.state, recording: RECORDING } })
    expect(ask(late.room, rename)).toMatchObject({ audience: 'everybody' })
    expect(ask(late.server(joinedAs('guest', { rules: guests, resumed: true })).room, rename)).toBe('not_allowed')
  })

  it('are known again after the line was cut, and the server has no say in them', () => {
    const page = new Page().hear('ada', { t: 'hello', name: 'Ada' }).hear('me', { t: 'hello', name: 'Zoé' }).quiet()
    page.server(joinedAs('guest', { resumed: true }))
    expect(page.news()).toMatchObject([{ displayName: 'Zoé', participants: [{ displayName: 'Ada' }, { displayName: 'Invité bob' }, {}] }])
    page.server({ type: 'participant_renamed', participant: 'ada', displayName: 'Faux' })
    expect(page.news()).toEqual([])
  })

  it('of whoever is not here are not kept', () => {
    const page = new Page().quiet().hear('ghost', { t: 'hello', name: 'Esprit' })
    expect([page.news(), page.room.people.has('ghost')]).toEqual([[], false])
    page.hear('ada', { t: 'hello', name: 'Ada' }).server({ type: 'participant_left', participant: 'ada' })
    page.quiet().server({ type: 'participant_joined', participant: info('ada') })
    expect(page.news()).toMatchObject([{ participant: { displayName: 'Invité ada' } }])
  })
})

describe('hands', () => {
  const raised = (page: Page) => page.news().flatMap((one) => (one.type === 'hands_changed' ? [one.hands] : []))

  it('stand in the order in which they were raised, and each lowers their own', () => {
    const page = new Page().quiet()
    page.hear('bob', { t: 'hand', raised: true }).hear('ada', { t: 'hand', raised: true }).hear('bob', { t: 'hand', raised: true })
    expect(raised(page)).toEqual([['bob'], ['bob', 'ada']])
    expect(raised(page.hear('bob', { t: 'hand', raised: false }))).toEqual([['ada']])
    page.server({ type: 'participant_left', participant: 'ada' })
    expect(raised(page)).toEqual([[]])
  })

  it('of others are lowered by moderators alone', () => {
    const page = new Page().hear('ada', { t: 'hand', raised: true }).hear('bob', { t: 'hand', raised: true }).quiet()
    page.hear('bob', { t: 'lower_hands', participant: 'ada' }).hear('bob', { t: 'lower_hands', participant: null })
    expect(raised(page)).toEqual([])
    expect(raised(page.hear('tea', { t: 'lower_hands', participant: 'ada' }))).toEqual([['bob']])
    expect(raised(page.hear('tea', { t: 'lower_hands', participant: null }))).toEqual([[]])
    expect(ask(page.room, { type: 'lower_hand', participant: 'ada' })).toBe('not_allowed')
  })

  it('are those of the own group, also after a move', () => {
    const page = new Page().hear('ada', { t: 'hand', raised: true }).hear('bob', { t: 'hand', raised: true }).quiet()
    page.server({ type: 'groups_changed', places: [{ participant: 'ada', group: 2 }] })
    expect(raised(page)).toEqual([['bob']])
    page.server({ type: 'groups_changed', places: [{ participant: 'me', group: 2 }] })
    expect(raised(page)).toEqual([['ada']])
  })
})

describe('written words', () => {
  it('reach the own group from those who may write', () => {
    const page = new Page().quiet().hear('ada', { t: 'chat', text: ' Bonjour ' }, 'group')
    expect(page.news()).toEqual([{ type: 'chatted', participant: 'ada', audience: 'everybody', text: 'Bonjour' }])
    page.server({ type: 'groups_changed', places: [{ participant: 'ada', group: 1 }] }).quiet()
    expect(page.hear('ada', { t: 'chat', text: 'Ici' }, 'group').news()).toEqual([])
    page.server(rules({ chat: false })).quiet()
    expect(page.hear('bob', { t: 'chat', text: 'Non' }, 'group').news()).toEqual([])
    expect(page.hear('tea', { t: 'chat', text: 'Oui' }, 'group').news()).toHaveLength(1)
    expect(ask(page.room, { type: 'chat', audience: 'everybody', text: 'Moi' })).toBe('not_allowed')
    expect(ask(page.room, { type: 'chat', audience: 'moderators', text: 'Aide' })).toMatchObject({ audience: 'moderators' })
  })

  it('to the moderators reach them and whoever wrote', () => {
    const line: ClassMessage = { t: 'chat', text: 'Aide' }
    expect(new Page('guest').quiet().hear('ada', line, 'moderators').news()).toEqual([])
    expect(new Page('moderator').quiet().hear('ada', line, 'moderators').news()).toHaveLength(1)
    expect(new Page('guest').quiet().hear('me', line, 'moderators').news()).toHaveLength(1)
    expect(new Page('moderator').quiet().hear('ada', line, { one: 'me' }).news()).toEqual([])
    expect(new Page('moderator').quiet().hear('ada', line, 'everybody').news()).toEqual([])
  })

  it('are shown only as far as they can be, and announced by moderators', () => {
    const page = new Page().quiet()
    for (const text of ['', ' \n ', 'a\u0000b', 'a\u202eb', 'x'.repeat(2001)]) page.hear('ada', { t: 'chat', text }, 'group')
    page.hear('ada', { t: 'announce', text: 'Fini' })
    expect(page.news()).toEqual([])
    expect(page.hear('tea', { t: 'announce', text: 'Fini' }).news()).toEqual([{ type: 'announced', participant: 'tea', text: 'Fini' }])
    expect(page.hear('ada', { t: 'chat', text: 'é\n\tè'.repeat(500) }, 'group').news()).toHaveLength(1)
    expect(ask(page.room, { type: 'chat', audience: 'everybody', text: ' ' })).toBe('malformed')
  })

  it('of the server count for nothing', () => {
    const page = new Page().quiet()
    page.server({ type: 'chatted', participant: 'tea', audience: 'everybody', text: 'Faux' })
    page.server({ type: 'hands_changed', hands: ['me'] }).server({ type: 'announced', participant: 'tea', text: 'Faux' })
    expect(page.news()).toEqual([])
    expect(page.server({ type: 'timer_changed', timerMs: 5 }).news()).toHaveLength(1)
  })
})

describe('opinions and gestures', () => {
  const up = (opinion: 'yes' | 'no' | null): ClassMessage => ({ t: 'opinion', opinion })
  const ONE_YES = { yes: 1, no: 0, slower: 0, faster: 0 }

  it('are counted by moderators, and told by one of them at most once a second', () => {
    const page = new Page('moderator').quiet()
    page.hear('ada', up('yes'), 'moderators').hear('bob', up('no'), 'moderators').hear('bob', up(null), 'moderators')
    expect(page.take(tellTotals(page.room, 999)).says()).toEqual([])
    expect(page.take(tellTotals(page.room, 1000)).says()).toEqual([
      { audience: 'everybody', message: { t: 'opinions', totals: ONE_YES, cleared: false } },
    ])
    page.hear('bob', up('no'), 'moderators')
    expect(page.take(tellTotals(page.room, 1500)).says()).toEqual([])
    expect(page.take(tellTotals(page.room, 2000)).says()).toHaveLength(1)
    page.hear('me', { t: 'opinions', totals: { ...ONE_YES, no: 1 }, cleared: false }, 'everybody', 'moderator')
    page.server({ type: 'participant_left', participant: 'bob' })
    expect(page.take(tellTotals(page.room, 9000)).says()).toHaveLength(1)
  })

  it('are cleared by moderators alone', () => {
    const page = new Page().hear('me', up('yes'), 'moderators').quiet()
    expect(page.hear('ada', { t: 'opinions', totals: ONE_YES, cleared: true }).news()).toEqual([])
    expect(page.room.ownOpinion).toBe('yes')
    const cleared: ClassMessage = { t: 'opinions', totals: { ...ONE_YES, yes: 0 }, cleared: true }
    expect(page.hear('tea', cleared).news()).toMatchObject([{ type: 'opinions_changed', cleared: true }])
    expect(page.room.ownOpinion).toBeNull()
  })

  it('are said again to a moderator who comes', () => {
    const page = new Page().hear('me', up('yes'), 'moderators').quiet()
    expect(page.hear('ada', { t: 'hello', name: 'Ada' }).says()).toEqual([])
    expect(page.hear('tea', { t: 'hello', name: 'Mme Roy' }).says()).toEqual([
      { audience: { one: 'tea' }, message: { t: 'opinion', opinion: 'yes' } },
    ])
  })

  it('shows gestures of the own group', () => {
    const page = new Page().quiet().hear('ada', { t: 'gesture', reaction: 'heart' }, 'group')
    expect(page.news()).toEqual([{ type: 'reacted', participant: 'ada', reaction: 'heart' }])
    page.server({ type: 'groups_changed', places: [{ participant: 'ada', group: 1 }] }).quiet()
    expect(page.hear('ada', { t: 'gesture', reaction: 'heart' }, 'group').news()).toEqual([])
  })
})

describe('questions', () => {
  it('open, count and close with a result', () => {
    const page = new Page().server(OPENED(3)).quiet()
    page.take(openPoll(page.room, { participant: 'tea', role: 'moderator' }, 3, QUESTION))
    const shown = { poll: 3, question: 'Compris ?', choices: ['oui', 'non'] }
    expect(page.news()).toEqual([{ type: 'poll_changed', poll: { ...shown, ballots: 0 } }])
    expect(page.server({ type: 'mls_ballots_counted', poll: 3, ballots: 2 }).news()).toEqual([{ type: 'poll_changed', poll: { ...shown, ballots: 2 } }])
    page.server({ type: 'mls_ballots_counted', poll: 4, ballots: 9 }).server({ type: 'mls_poll_closed', poll: 4 })
    expect(page.news()).toEqual([])
    expect(page.server({ type: 'mls_poll_closed', poll: 3 }).news()).toEqual([{ type: 'poll_closed', poll: 0, results: [] }])
    page.hear('ada', { t: 'poll_result', poll: 3, results: [9, 9] }).hear('tea', { t: 'poll_result', poll: 3, results: [1] })
    expect(page.news()).toEqual([])
    expect(page.hear('tea', { t: 'poll_result', poll: 3, results: [2, 0] }).news()).toEqual([
      { type: 'poll_changed', poll: { ...shown, ballots: 2 } },
      { type: 'poll_closed', poll: 3, results: [2, 0] },
    ])
    expect(page.hear('tea', { t: 'poll_result', poll: 3, results: [2, 0] }).news()).toEqual([])
  })

  it('are asked by moderators, with texts that can be shown', () => {
    const { room } = new Page().server(OPENED(1))
    expect(openPoll(room, { participant: 'ada', role: 'guest' }, 1, QUESTION).told).toEqual([])
    for (const bad of [{ question: ' ' }, { choices: ['seul'] }, { choices: ['a', ' '] }, { choices: Array<string>(11).fill('a') }]) {
      expect(openPoll(room, { participant: 'tea', role: 'moderator' }, 1, { ...QUESTION, ...bad }).told).toEqual([])
    }
  })
})

describe('whoever comes late', () => {
  const HOST = { participant: 'me', role: 'moderator' } as const
  const lively = () =>
    new Page('moderator', 'Mme Roy')
      .hear('me', { t: 'hello', name: 'Mme Roy' }, 'everybody', 'moderator')
      .hear('ada', { t: 'hello', name: 'Ada' })
      .hear('bob', { t: 'hand', raised: true })
      .hear('me', { t: 'opinions', totals: { yes: 4, no: 0, slower: 0, faster: 0 }, cleared: false }, 'everybody', 'moderator')
  const late = (change: Partial<Joined> = {}) =>
    new Page('guest', 'Zoé', {
      participant: 'zoe',
      participants: [info('me'), info('ada'), info('bob')],
      ...change,
    }).quiet()

  it('is told names, hands, totals and the open question', () => {
    const host = lively().server(OPENED(2))
    host.take(openPoll(host.room, { participant: 'me', role: 'moderator' }, 2, QUESTION))
    const state = { ...QUIET_ROOM.state, sealedPoll: { poll: 2, sealed: 'c2VhbGVk', by: 'me', ballots: 1 } }
    const page = late({ state })
    const snapshot = readSnapshot(JSON.parse(JSON.stringify(snapshotOf(host.room))))
    if (snapshot === null) throw new Error('a snapshot reads as one')
    page.take(hearSnapshot(page.room, HOST, snapshot))
    expect(page.news()).toEqual([
      { type: 'participant_renamed', participant: 'me', displayName: 'Mme Roy' },
      { type: 'participant_renamed', participant: 'ada', displayName: 'Ada' },
      { type: 'hands_changed', hands: ['bob'] },
      { type: 'opinions_changed', totals: { yes: 4, no: 0, slower: 0, faster: 0 }, cleared: false },
      { type: 'poll_changed', poll: { poll: 2, question: 'Compris ?', choices: ['oui', 'non'], ballots: 1 } },
    ])
  })

  it('may be somebody who was cut off, and is told what changed meanwhile', () => {
    const host = lively()
    const page = late().hear('ada', { t: 'hello', name: 'Ada' }).hear('ada', { t: 'hand', raised: true })
    page.server(joinedAs('guest', { participant: 'zoe', resumed: true, participants: [info('me'), info('ada'), info('bob')] })).quiet()
    host.server({ type: 'participant_joined', participant: info('zoe') }).hear('ada', { t: 'hello', name: 'Ada L.' }).quiet()
    page.take(hearSnapshot(page.room, HOST, snapshotOf(host.room)))
    expect(page.news()).toEqual([
      { type: 'participant_renamed', participant: 'me', displayName: 'Mme Roy' },
      { type: 'participant_renamed', participant: 'ada', displayName: 'Ada L.' },
      { type: 'hands_changed', hands: ['bob'] },
      { type: 'opinions_changed', totals: { yes: 4, no: 0, slower: 0, faster: 0 }, cleared: false },
    ])
  })

  it('takes of a guest no more than names and hands, and of a moderator all of it after that', () => {
    const host = lively().server(OPENED(2))
    host.take(openPoll(host.room, { participant: 'me', role: 'moderator' }, 2, QUESTION))
    const state = { ...QUIET_ROOM.state, sealedPoll: { poll: 2, sealed: 'c2VhbGVk', by: 'me', ballots: 1 } }
    const page = late({ state })
    const lie = { ...snapshotOf(host.room), names: [['ada', 'Fausse']], hands: ['ada'], totals: { yes: 99, no: 0, slower: 0, faster: 0 } } as const
    page.take(hearSnapshot(page.room, { participant: 'bob', role: 'guest' }, lie))
    expect(page.news()).toEqual([
      { type: 'participant_renamed', participant: 'ada', displayName: 'Fausse' },
      { type: 'hands_changed', hands: ['ada'] },
    ])
    page.take(hearSnapshot(page.room, HOST, snapshotOf(host.room)))
    expect(page.news()).toMatchObject([
      { type: 'participant_renamed', participant: 'me' },
      { type: 'participant_renamed', participant: 'ada', displayName: 'Ada' },
      { type: 'hands_changed', hands: ['bob'] },
      { type: 'opinions_changed', totals: { yes: 4 } },
      { type: 'poll_changed', poll: { question: 'Compris ?' } },
    ])
  })

  it('believes people about themselves, and nobody about whoever is not there', () => {
    const page = late().hear('ada', { t: 'hello', name: 'Ada L.' }).quiet()
    const snapshot = { ...snapshotOf(lively().room), names: [['ada', 'Fausse'], ['ghost', 'Esprit'], ['zoe', 'Autre']], hands: ['ghost'] } as const
    page.take(hearSnapshot(page.room, HOST, snapshot))
    expect(page.news().filter(({ type }) => type === 'participant_renamed' || type === 'hands_changed')).toEqual([
      { type: 'hands_changed', hands: [] },
    ])
    expect(page.room.ownName).toBe('Zoé')
  })

  it('believes people about their own hands, also when it was cut off', () => {
    const page = late().hear('ada', { t: 'hand', raised: false }).hear('bob', { t: 'hand', raised: true }).quiet()
    const snapshot = { ...snapshotOf(lively().room), hands: ['ada'] }
    page.take(hearSnapshot(page.room, HOST, snapshot))
    expect(page.room.hands).toEqual(['bob'])
    // What they said before the line was cut may be old.
    page.server(joinedAs('guest', { participant: 'zoe', resumed: true, participants: [info('me'), info('ada'), info('bob')] }))
    page.take(hearSnapshot(page.room, HOST, snapshot))
    expect(page.room.hands).toEqual(['ada'])
  })
})

describe('what is asked for', () => {
  const requests: Request[] = [
    { type: 'announce', text: 'a' },
    { type: 'lower_hand', participant: null },
    { type: 'clear_opinions' },
  ]

  it('is said by those who may', () => {
    for (const request of requests) {
      expect(ask(new Page('guest').room, request), request.type).toBe('not_allowed')
      expect(ask(new Page('moderator').room, request), request.type).toMatchObject({ audience: 'everybody' })
    }
  })

  it('comes back as what everybody hears', () => {
    const page = new Page().quiet()
    const asked: Request[] = [
      { type: 'raise_hand', raised: true },
      { type: 'react', reaction: 'laugh' },
      { type: 'chat', audience: 'everybody', text: 'Salut' },
      { type: 'rename', displayName: 'Zoé' },
    ]
    for (const request of asked) {
      const said = ask(page.room, request)
      if (said === null || typeof said === 'string') throw new Error(request.type)
      const heard = readClassMessage(JSON.parse(JSON.stringify(said.message)))
      if (heard === null) throw new Error('not read')
      page.hear('me', heard, said.audience)
    }
    expect(page.news().map(({ type }) => type)).toEqual(['hands_changed', 'reacted', 'chatted', 'participant_renamed'])
  })

  it('is left to the server where it holds no content', () => {
    expect(ask(new Page('moderator').room, { type: 'set_timer', seconds: 60 })).toBeNull()
    expect(ask(new Page('moderator').room, { type: 'set_groups', places: [] })).toBeNull()
  })
})

describe('reading what members say', () => {
  it('takes nothing that is not whole', () => {
    const bad: unknown[] = [
      null, [], 'hello', {}, { t: 'hello' }, { t: 'hello', name: 3 }, { t: 'hand', raised: 'yes' }, { t: 'gesture', reaction: 'punch' },
      { t: 'opinion', opinion: 'maybe' }, { t: 'opinion' }, { t: 'opinions', totals: { yes: -1, no: 0, slower: 0, faster: 0 }, cleared: false },
      { t: 'opinions', totals: { yes: 1 }, cleared: false }, { t: 'poll_result', poll: 1, results: [1.5] }, { t: 'poll_result', poll: 1, results: Array(11).fill(0) },
      { t: 'lower_hands' }, { t: 'unknown' },
    ]
    for (const value of bad) expect(readClassMessage(value), JSON.stringify(value)).toBeNull()
    for (const value of [null, {}, { ...QUESTION, choices: 'oui' }, { ...QUESTION, key: undefined }]) expect(readQuestion(value)).toBeNull()
    for (const value of [null, {}, { names: {}, hands: [], totals: {} }]) expect(readSnapshot(value)).toBeNull()
  })
})

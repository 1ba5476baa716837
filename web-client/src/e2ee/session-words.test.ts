import { beforeEach, describe, expect, it } from 'vitest'
import type { Request } from '../protocol/connection'
import type { KeyMessage } from './messages'
import { type Page, TestRoom } from './testing'

let room: TestRoom

beforeEach(async () => {
  room = await TestRoom.make()
})

describe('what is said while somebody comes', () => {
  /** Lets what a page says next reach the server only when told. */
  const holdNext = (by: Page, type: Request['type'] = 'mls_say') => {
    let held: Request | null = null
    room.refuse = (page, request) => {
      if (page !== by || request.type !== type || held !== null) return null
      held = request
      return 'overloaded'
    }
    return async () => {
      if (held !== null) room.answer(by, held)
      await room.settle()
    }
  }

  it('in the epoch before, is said to them again where it lasts', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    for (const message of [{ t: 'hello', name: 'Zoé' }, { t: 'hand', raised: true }, { t: 'chat', text: 'Bonjour' }] as const) {
      const release = holdNext(b)
      await b.session.say(message, 'everybody').catch(() => undefined)
      const c = await room.enter()
      await release()
      expect(a.said.at(-1)?.message).toEqual(message)
      expect(c.said).toEqual(message.t === 'chat' ? [] : [{ from: b.id, role: 'guest', message }])
      // Whoever said it hears it once.
      expect(b.said.filter((one) => one.message.t === message.t)).toHaveLength(1)
    }
  })

  it('gives way to what was said since', async () => {
    const [, b] = [await room.enter('moderator'), await room.enter()]
    const release = holdNext(b)
    await b.session.say({ t: 'hand', raised: true }, 'everybody').catch(() => undefined)
    const c = await room.enter()
    await b.session.say({ t: 'hand', raised: false }, 'everybody')
    await release()
    expect(c.said.at(-1)?.message).toEqual({ t: 'hand', raised: false })
  })

  it('while the commit is on its way, is in what newcomers are told', async () => {
    const [, b] = [await room.enter('moderator'), await room.enter()]
    const release = holdNext(b)
    await b.session.say({ t: 'hello', name: 'Zoé' }, 'everybody').catch(() => undefined)
    const { refuse } = room
    room.refuse = (page, request) => {
      if (request.type === 'mls_commit') void release()
      return refuse(page, request)
    }
    const c = await room.enter()
    expect(c.snapshots[0]?.names).toContainEqual([b.id, 'Zoé'])
  })

  it('and is a question, is opened behind the commit, and by its asker for those who came', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    const sealed = await a.session.sealQuestion({ question: 'Compris ?', choices: ['oui', 'non'] })
    const c = await room.enter()
    expect(await b.session.openQuestion(a.id, sealed)).toMatchObject({ role: 'moderator', missedBy: [] })
    expect(await a.session.openQuestion(a.id, sealed)).toMatchObject({ missedBy: [c.id] })
    // The commit is still worked on when the question comes.
    const held: Parameters<Page['hear']>[0][] = []
    b.tamper = (message) => {
      if (message.type !== 'mls_committed') return message
      held.push(message)
      return null
    }
    await room.enter()
    const next = await a.session.sealQuestion({ question: 'Compris ?', choices: ['oui', 'non'] })
    b.tamper = (message) => message
    for (const message of held) b.hear(message)
    expect(await b.session.openQuestion(a.id, next)).toMatchObject({ role: 'moderator' })
  })
})

describe('a moderator', () => {
  it('who is one no more is none among members, whatever their leaf says', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter('moderator')]
    expect(a.session.members.value.get(b.id)?.role).toBe('moderator')
    room.setRole(b, 'guest')
    await room.settle()
    for (const page of [a, b]) expect(page.session.members.value.get(b.id)?.role).toBe('guest')
  })
})

describe('what some alone hear', () => {
  const narrow = (page: Page) => page.toWorker('root').length

  /** What a page seals a level with. */
  const rootOf = (page: Page) => page.toWorker('own_root').filter(({ level }) => level === 1).at(-1)?.root ?? null
  /** What a page opens somebody's frames of a level with. */
  const rootAt = (page: Page, from: Page) =>
    page.toWorker('root').filter(({ participant, level }) => participant === from.id && level === 1).at(-1)?.root ?? null

  it('is handed again to those whose line was cut, with what goes on', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    c.online = false
    b.session.setAudience(1, [c.id])
    await room.settle()
    expect(rootAt(c, b)).toBeNull()
    c.snapshots.length = 0
    await room.comeBack(c)
    expect(rootAt(c, b)).toEqual(rootOf(b))
    expect(c.snapshots).toHaveLength(1)
    // Whoever is first in line is told by the next one.
    a.online = false
    b.session.setAudience(1, [a.id, c.id])
    await room.settle()
    a.snapshots.length = 0
    await room.comeBack(a)
    expect(rootAt(a, b)).toEqual(rootOf(b))
    expect(a.snapshots).toHaveLength(1)
    expect(narrow(a)).toBe(1)
  })

  it('is handed again to those who are added anew', async () => {
    const [, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    b.session.setAudience(1, [c.id])
    await room.settle()
    const before = narrow(c)
    c.online = false
    room.members.delete(c.id)
    await room.enter()
    await room.comeBack(c)
    expect(c.session.state.value).toBe('member')
    expect(narrow(c)).toBeGreaterThan(before)
    expect(rootAt(c, b)).toEqual(rootOf(b))
  })

  it('is handed again where it could not be said', async () => {
    const [, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    let failures = 2
    room.refuse = (page, request) => (page === b && request.type === 'mls_say' && failures-- > 0 ? 'overloaded' : null)
    b.session.setAudience(1, [c.id])
    await room.settle(6000)
    expect(rootAt(c, b)).toEqual(rootOf(b))
    expect(rootOf(b)).not.toBeNull()
  })

  it('is sealed for nobody else from the moment on that it is for fewer', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    b.session.setAudience(1, [a.id, c.id])
    await room.settle()
    const before = rootOf(b)
    b.session.setAudience(1, [a.id])
    expect(rootOf(b)).toBeNull()
    // Even where it is for them again before the new root is drawn.
    b.session.setAudience(1, [a.id, c.id])
    await room.settle()
    expect(rootOf(b)).not.toBeNull()
    expect(rootOf(b)).not.toEqual(before)
    expect(rootAt(c, b)).toEqual(rootOf(b))
    // In another circle it is another one.
    const last = rootOf(b)
    room.group = null
    room.members.clear()
    for (const page of [a, b, c]) room.join(page, true)
    await room.settle()
    expect(b.toWorker('own_root').some(({ root }) => root === null)).toBe(true)
    expect(rootOf(b)).not.toEqual(last)
  })
})

describe('a new link', () => {
  it('is in nobody’s address before the server has it, and lets in those who come meanwhile', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    const before = b.link.secret
    await a.session.sayLink(1)
    await room.settle()
    expect(b.link.secret).toEqual(before)
    const c = await room.enter('moderator')
    expect(c.session.state.value).toBe('member')
    expect(b.session.state.value).toBe('member')
    // Another one than the next is no link.
    await a.session.sayLink(7)
    await room.settle()
    expect(b.session['trust'].secretOf(7)).toBeNull()
  })

  it('is told by keys that nobody has who is being put out', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    a.session.putOut(c.id, true)
    const told = a.session.sayLink(1)
    await room.settle()
    const since = room.asked.length
    expect([b, c].map(({ session }) => session['trust'].secretOf(1))).toEqual([null, null])
    room.leave(c)
    await room.settle()
    await told
    expect(b.session['trust'].secretOf(1)).not.toBeNull()
    const kinds = room.asked.slice(since).map(({ request }) => request.type)
    expect(kinds.indexOf('mls_commit')).toBeLessThan(kinds.indexOf('mls_say'))
    expect(kinds).toContain('mls_commit')
  })

  it('stays the good one, whatever the server says later', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    await room.rotate(a)
    const good = b.link.secret
    for (const page of [a, b]) page.hear({ type: 'link_rotated', generation: 0 })
    await room.settle()
    for (const page of [a, b]) {
      expect(page.session['guestLink'].newest).toBe(1)
      expect(page.session.guestSecret.value).toEqual(good)
    }
  })

  it('reaches a guest whose line was cut while it was replaced', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    b.online = false
    await room.rotate(a)
    await room.comeBack(b)
    expect(b.session.state.value).toBe('member')
    expect(b.session.fault.value).toBeNull()
    expect(b.link.secret).toEqual(a.session.guestSecret.value)
  })
})

describe('what is said to some', () => {
  const CHAT = { t: 'chat', text: 'Je n’ai pas compris' } as const
  const saidBy = (by: Page) => {
    const last = room.asked.filter(({ by: one, request }) => one === by.id && request.type === 'mls_say').at(-1)?.request
    if (last?.type !== 'mls_say') throw new Error('nothing was said')
    return last
  }
  /** What a member who is not meant can open of it, should the server hand it on. */
  const readableFor = async (page: Page, by: Page) => {
    const opened = await page.session['speech']['talk'].open(by.id, saidBy(by).sealed, room.now)
    return opened === null ? null : new TextDecoder().decode(opened.plain)
  }
  const refusals = (page: Page) => page.session.warnings.value.filter(({ kind }) => kind === 'refused').length
  /** The server shows it to whom it is not for. */
  const betray = async (by: Page, to: Page) => {
    const { audience, sealed } = saidBy(by)
    to.hear({ type: 'mls_said', participant: by.id, audience, sealed })
    await room.settle()
  }

  it('is sealed for those alone who may read it, and whoever said it', async () => {
    const [a, b, c, d] = [await room.enter('moderator'), await room.enter(), await room.enter(), await room.enter()]
    await b.session.say(CHAT, 'moderators')
    await room.settle()
    expect(a.said.at(-1)).toEqual({ from: b.id, role: 'guest', message: CHAT })
    expect(b.said.at(-1)?.message).toEqual(CHAT)
    await betray(b, c)
    expect(c.said).toEqual([])
    await b.session.say(CHAT, { one: d.id })
    await room.settle()
    expect(d.said.at(-1)?.message).toEqual(CHAT)
    await betray(b, c)
    expect(c.said).toEqual([])
    b.session.setAudience(1, [b.id, d.id])
    await room.settle()
    d.said.length = 0
    await b.session.say(CHAT, 'group')
    await room.settle()
    expect(d.said.at(-1)?.message).toEqual(CHAT)
    // The test's server hands a group's words to everybody.
    expect(c.said).toEqual([])
  })

  it('is not in what the keys of all open', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    b.session.setAudience(1, [a.id, b.id])
    await room.settle()
    // What it is told, it opens itself.
    c.tamper = (message) => (message.type === 'mls_said' ? null : message)
    for (const audience of ['moderators', { one: a.id }, 'group', 'everybody'] as const) {
      await b.session.say(CHAT, audience)
      const readable = (await readableFor(c, b)) ?? ''
      expect(readable.includes('sealed'), JSON.stringify(audience)).toBe(audience !== 'everybody')
      expect(readable.includes('compris'), JSON.stringify(audience)).toBe(audience === 'everybody')
    }
  })

  it('is for nobody whom the server made a guest', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter('moderator'), await room.enter()]
    room.setRole(b, 'guest')
    await room.settle()
    await c.session.say(CHAT, 'moderators')
    await room.settle()
    expect(a.said.at(-1)?.message).toEqual(CHAT)
    await betray(c, b)
    expect(b.said).toEqual([])
  })

  it('is dropped and counted where the server names another audience', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    const lies = [['everybody', 'moderators'], ['group', 'everybody'], ['moderators', 'group'], [{ one: a.id }, 'everybody'], ['everybody', { one: a.id }]] as const
    for (const [nth, [audience, told]] of lies.entries()) {
      a.tamper = (message) => (message.type === 'mls_said' ? { ...message, audience: told } : message)
      await b.session.say(CHAT, audience)
      await room.settle()
      expect(a.said, JSON.stringify(audience)).toEqual([])
      expect(refusals(a)).toBe(nth + 1)
    }
    expect(refusals(c)).toBe(0)
  })

  it('is dropped where its sender let everybody read it', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    b.session['roots'].recipients = () => null
    await b.session.say(CHAT, 'moderators')
    await room.settle()
    expect(a.said).toEqual([])
    expect(refusals(a)).toBe(1)
  })

  it('goes out in the order in which it was said', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    const hand = { t: 'hand', raised: true } as const
    await Promise.all([b.session.say(CHAT, 'moderators'), b.session.say(hand, 'everybody')])
    await room.settle()
    expect(a.said.map(({ message }) => message)).toEqual([CHAT, hand])
  })
})

describe('what goes on', () => {
  const state = (by: Page): KeyMessage => ({
    t: 'state', names: [[by.id, 'Faux']], hands: [], totals: { yes: 99, no: 0, slower: 0, faster: 0 }, question: null, link: null, lobby: null, delegates: [],
  })
  const lie = async (by: Page, to: Page) => {
    await by.session['speech'].tell(state(by), { one: to.id })
    await room.settle(100)
  }
  /** Whom a page that says nothing else asked. */
  const asks = (page: Page) =>
    room.asked.flatMap(({ by, request }) => (by === page.id && request.type === 'mls_say' && typeof request.audience === 'object' ? [request.audience.one] : []))
  /** Whoever lets others in cannot say anything until told. */
  const silence = (page: Page) => {
    room.refuse = (by, request) => (by === page && request.type === 'mls_say' ? 'overloaded' : null)
  }

  it('is believed of whoever let one in, once', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    expect(c.snapshots).toHaveLength(1)
    for (const by of [b, a]) await lie(by, c)
    expect(c.snapshots).toHaveLength(1)
    silence(a)
    const d = await room.enter()
    await lie(b, d)
    expect(d.snapshots).toEqual([])
    room.refuse = () => null
    await lie(a, d)
    expect(d.snapshots).toHaveLength(1)
  })

  it('is believed for ten seconds', async () => {
    const a = await room.enter('moderator')
    silence(a)
    const b = await room.enter()
    await room.settle(10_000)
    room.refuse = () => null
    await lie(a, b)
    expect(b.snapshots).toEqual([])
  })

  it('is asked of a moderator by one who is back, and believed of nobody else', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    c.snapshots.length = 0
    // Somebody who sees them come back is faster than whoever is asked.
    let first = true
    room.refuse = (by, request) => {
      if (by === c && request.type === 'mls_say' && first) {
        first = false
        void b.session['speech'].tell(state(b), { one: c.id })
      }
      return null
    }
    c.online = false
    await room.settle(20_000)
    await room.comeBack(c)
    expect(asks(c)).toEqual([a.id])
    expect(c.snapshots).toMatchObject([{ role: 'moderator' }])
    expect(c.snapshots[0]?.names).not.toContainEqual([b.id, 'Faux'])
    for (const by of [a, b]) await lie(by, c)
    expect(c.snapshots).toHaveLength(1)
  })

  it('is asked of the next one where nobody answers, of three at most', async () => {
    const [a, b, c, d, e] = [await room.enter('moderator'), await room.enter('moderator'), await room.enter(), await room.enter(), await room.enter()]
    e.snapshots.length = 0
    e.online = false
    for (const page of [a, b, c, d]) page.tamper = (message) => (message.type === 'mls_said' ? null : message)
    await room.comeBack(e)
    await room.settle(20_000)
    expect(asks(e)).toEqual([a.id, b.id, c.id])
    expect(e.snapshots).toEqual([])
    for (const page of [b, c, d]) page.tamper = (message) => message
    e.online = false
    await room.comeBack(e)
    await room.settle(20_000)
    expect(asks(e)).toEqual([a.id, b.id, c.id, a.id, b.id])
    expect(e.snapshots).toMatchObject([{ role: 'moderator' }])
  })

  it('is asked of a moderator too by one whom a guest let in', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    room.refuse = (page, request) => (page === a && request.type === 'mls_commit' ? 'overloaded' : null)
    const c = await room.enter()
    expect(room.commits.at(-1)?.by).toBe(b.id)
    expect(asks(c)).toEqual([a.id])
    expect(c.snapshots.at(-1)).toMatchObject({ role: 'moderator' })
    // Without any there is nobody else to ask.
    room.leave(a)
    await room.settle()
    const d = await room.enter()
    expect(asks(d)).toEqual([])
    expect(d.snapshots).toMatchObject([{ role: 'guest' }])
  })

  it('is told to nobody over and over', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    const told = () => room.asked.filter(({ by, request }) => by === a.id && request.type === 'mls_say').length
    const before = told()
    for (let i = 0; i < 5; i += 1) await b.session['speech'].tell({ t: 'catch_up' }, { one: a.id })
    await room.settle(500)
    expect(told()).toBe(before + 1)
    await room.settle(1_000)
    await b.session['speech'].tell({ t: 'catch_up' }, { one: a.id })
    await room.settle(500)
    expect(told()).toBe(before + 2)
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { personalLink } from './link-keys'
import { makeSecret } from '../link'
import { OPEN_RULES } from '../protocol/samples'
import { areTogether, type Page, TestRoom } from './testing'

let room: TestRoom

beforeEach(async () => {
  room = await TestRoom.make()
})

const warningsOf = (pages: readonly Page[]) => pages.flatMap(({ session }) => session.warnings.value)

describe('a circle', () => {
  it('is made by whoever comes first, and grows', async () => {
    const pages: Page[] = []
    for (const role of ['moderator', 'guest', 'guest'] as const) {
      pages.push(await room.enter(role))
      expect(areTogether(pages)).toBe(true)
    }
    expect(pages[2]?.session.counts.value).toEqual({ present: 3, encrypted: 3 })
    expect(pages[0]?.session.code.value).toEqual(pages[2]?.session.code.value)
    expect(warningsOf(pages)).toEqual([])
  })

  it('gives each epoch another key, and those who left none', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    const before = c.baseKey
    room.leave(c)
    await room.settle()
    expect(areTogether([a, b])).toBe(true)
    expect(a.baseKey).not.toBe(before)
    expect(c.epochs.map(({ epoch }) => epoch)).not.toContain(a.session.epoch.value)
    expect(warningsOf([a, b])).toEqual([])
  })

  it('takes thirty who come within two seconds, in a few epochs', async () => {
    const pages = [await room.enter('moderator')]
    for (let i = 0; i < 29; i += 1) {
      pages.push(await room.arrive())
      await room.settle(60)
    }
    await room.settle()
    expect(areTogether(pages)).toBe(true)
    expect(room.epoch).toBeLessThan(15)
    expect(warningsOf(pages)).toEqual([])
  }, 120_000)

  it('takes a page that was loaded anew, in the commit that removes what it was', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    const epoch = room.epoch
    await room.reload(b)
    expect(areTogether([a, b, c])).toBe(true)
    expect(room.epoch).toBe(epoch + 1)
    await room.reload(a)
    expect(areTogether([a, b, c])).toBe(true)
    expect(warningsOf([a, b, c])).toEqual([])
  })

  it('goes to another epoch when a page asks for it, and that page says what it seals with in it', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    const epoch = room.epoch
    const before = b.session.ownKeys.value
    expect(before?.epoch).toBe(epoch)
    const rotated = b.session.rotate()
    await room.settle()
    await rotated
    expect(room.epoch).toBe(epoch + 1)
    expect(areTogether([a, b])).toBe(true)
    expect(b.session.ownKeys.value).toMatchObject({ epoch: epoch + 1, leaf: before?.leaf })
    expect(b.session.ownKeys.value?.baseKey).not.toEqual(before?.baseKey)
    // All who ask at once are content with one epoch, whoever makes it.
    const both = Promise.all([a.session.rotate(), b.session.rotate()])
    await room.settle()
    await both
    expect(room.epoch).toBeLessThanOrEqual(epoch + 3)
    room.leave(b)
    b.session.close()
    expect(warningsOf([a, b])).toEqual([])
  })

  it('takes those who come after many have changed keys', async () => {
    const pages = [await room.enter('moderator')]
    for (let i = 0; i < 6; i += 1) pages.push(await room.enter())
    for (const page of pages.slice(2)) {
      const rotated = page.session.rotate()
      await room.settle(1_000)
      await rotated
    }
    for (let i = 0; i < 4; i += 1) {
      pages.push(await room.enter())
      expect(areTogether(pages)).toBe(true)
    }
    expect(warningsOf(pages)).toEqual([])
  })

  it('begins anew after a restart of the server', async () => {
    const pages = [await room.enter('moderator'), await room.enter(), await room.enter()]
    room.group = null
    room.members.clear()
    for (const page of pages) room.join(page, true)
    await room.settle()
    expect(areTogether(pages)).toBe(true)
    expect(warningsOf(pages)).toEqual([])
  })

  it('ends with two commits at once in one epoch', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter('moderator')]
    // The first one's commit is on its way to the second while that one makes its own.
    const delayed: Parameters<Page['hear']>[0][] = []
    b.tamper = (message) => {
      if (message.type !== 'mls_committed') return message
      delayed.push(message)
      return null
    }
    const c = await room.arrive()
    await room.settle(2000)
    const commits = room.asked.filter(({ by, request }) => by === b.id && request.type === 'mls_commit')
    expect(commits.length).toBeGreaterThan(0)
    b.tamper = (message) => message
    for (const message of delayed) b.hear(message)
    await room.settle()
    expect(areTogether([a, b, c])).toBe(true)
    expect(warningsOf([a, b, c])).toEqual([])
  })

  it('goes on by the next in line when the first does nothing', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    room.refuse = (page, request) => (page === a && request.type === 'mls_commit' ? 'overloaded' : null)
    const start = room.now
    const d = await room.arrive()
    await room.settle(1200)
    expect(areTogether([a, b, c, d])).toBe(true)
    const commit = room.asked.find(({ by, request }) => by === b.id && request.type === 'mls_commit')
    expect(commit).toBeDefined()
    expect(room.now - start).toBeLessThan(2000)
  })

  it('catches up with what it missed while its line was cut', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    b.online = false
    const c = await room.enter()
    const d = await room.enter()
    room.leave(d)
    await room.settle()
    b.online = true
    room.join(b, true)
    await room.settle()
    expect(areTogether([a, b, c])).toBe(true)
    expect(warningsOf([a, b, c])).toEqual([])
  })

  it('adds a page anew that missed more than the server keeps', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    b.online = false
    const c = await room.enter()
    room.members.delete(b.id)
    b.online = true
    room.join(b, true)
    await room.settle()
    expect(areTogether([a, b, c])).toBe(true)
  })

  it('asks for a commit that never came', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    let lost = 1
    b.tamper = (message) => (message.type === 'mls_committed' && lost-- > 0 ? null : message)
    const c = await room.enter()
    const d = await room.enter()
    expect(areTogether([a, b, c, d])).toBe(true)
    expect(warningsOf([a, b, c, d])).toEqual([])
  })

  it('asks for a commit that never came where its own are refused for it', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    let lost = 1
    a.tamper = (message) => (message.type === 'mls_committed' && lost-- > 0 ? null : message)
    const before = b.session.rotate()
    await room.settle()
    await before
    expect(areTogether([a, b])).toBe(false)
    const commits = () => room.asked.filter(({ by, request }) => by === a.id && request.type === 'mls_commit').length
    const count = commits()
    const rotated = a.session.rotate()
    await room.settle()
    await rotated
    expect(areTogether([a, b])).toBe(true)
    expect(commits() - count).toBeLessThan(4)
    expect(warningsOf([a, b])).toEqual([])
  })

  it('takes a commit once that comes twice', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    const c = await room.enter()
    const [last] = room.commits.slice(-1)
    if (last !== undefined) for (const page of [a, b, c]) page.hear(last)
    await room.settle()
    expect(areTogether([a, b, c])).toBe(true)
    expect(warningsOf([a, b, c])).toEqual([])
  })
})

describe('frames', () => {
  it('are sent at once by those who come, and by others when all are ready', async () => {
    const a = await room.enter('moderator')
    const b = await room.enter()
    const newest = (page: Page) => page.epochs.at(-1)?.serial
    for (const page of [a, b]) expect(page.toWorker('send_with').at(-1)?.serial).toBe(newest(page))
  })

  it('are sent in an epoch that only added after a second at the latest', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    room.refuse = (page, request) => (page === b && request.type === 'mls_ready' ? 'overloaded' : null)
    await room.arrive()
    await room.settle(900)
    expect(a.toWorker('send_with').at(-1)?.serial).toBe((a.epochs.at(-1)?.serial ?? 0) - 1)
    await room.settle(500)
    expect(a.toWorker('send_with').at(-1)?.serial).toBe(a.epochs.at(-1)?.serial)
  })

  it('are sent in a new epoch after a second at the latest, however many come one after the other', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    room.refuse = (page, request) => (page === b && request.type === 'mls_ready' ? 'overloaded' : null)
    for (let i = 0; i < 5; i += 1) {
      await room.arrive()
      await room.settle(700)
    }
    const sent = a.toWorker('send_with').at(-1)?.serial ?? 0
    expect(a.epochs.length).toBeGreaterThan(5)
    expect(sent).toBeGreaterThanOrEqual((a.epochs.at(-1)?.serial ?? 0) - 1)
  })

  it('are sent at once in an epoch without those who were sent out', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    room.refuse = (_, request) => (request.type === 'mls_ready' ? 'overloaded' : null)
    room.leave(c)
    await room.settle(200)
    for (const page of [a, b]) expect(page.toWorker('send_with').at(-1)?.serial).toBe(page.epochs.at(-1)?.serial)
    expect(a.epochs.at(-1)?.leaves.size).toBe(2)
  })

  it('are sent again after a worker failed, in an epoch of its own', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    const epoch = room.epoch
    b.workers[0]?.dispatchEvent(new Event('error'))
    expect(b.workers).toHaveLength(2)
    expect(b.toWorker('send_with')).toEqual([])
    await room.settle()
    expect(areTogether([a, b])).toBe(true)
    expect(room.epoch).toBe(epoch + 1)
    expect(b.toWorker('send_with').at(-1)?.serial).toBe(b.epochs.at(-1)?.serial)
    expect(b.session.warnings.value).toEqual([{ kind: 'worker' }])
  })
})

describe('what members say', () => {
  it('is heard by them, with the role their leaf proves', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    await a.session.say({ t: 'announce', text: 'Silence' }, 'everybody')
    await b.session.say({ t: 'hello', name: 'Zoé' }, 'everybody')
    await room.settle()
    for (const page of [a, b]) {
      expect(page.said).toEqual([
        { from: a.id, role: 'moderator', message: { t: 'announce', text: 'Silence' } },
        { from: b.id, role: 'guest', message: { t: 'hello', name: 'Zoé' } },
      ])
    }
  })

  it('is heard from nobody else, once, and unchanged', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    const heard: Parameters<Page['hear']>[0][] = []
    c.tamper = (message) => {
      if (message.type !== 'mls_said') return message
      heard.push(message)
      return { ...message, participant: a.id }
    }
    await b.session.say({ t: 'chat', text: 'Bonjour' }, 'everybody')
    await room.settle()
    expect(c.said).toEqual([])
    c.tamper = (message) => message
    for (const message of [...heard, ...heard]) c.hear(message)
    await room.settle()
    expect(c.said).toEqual([{ from: b.id, role: 'guest', message: { t: 'chat', text: 'Bonjour' } }])
  })

  it('cannot be said outside the circle', async () => {
    const a = await room.arrive('moderator')
    await expect(a.session.say({ t: 'chat', text: 'Bonjour' }, 'everybody')).rejects.toMatchObject({ code: 'encryption_required' })
  })

  it('tells newcomers what goes on', async () => {
    await room.enter('moderator')
    const b = await room.enter()
    expect(b.snapshots).toHaveLength(1)
  })
})

describe('the link', () => {
  it('that replaced another one is told within the circle, and lets others in', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    const before = b.link.secret
    await room.rotate(a)
    expect(b.link.secret).not.toEqual(before)
    expect(b.session.guestSecret.value).toEqual(b.link.secret)
    const c = await room.enter()
    expect(areTogether([a, b, c])).toBe(true)
    await room.reload(b)
    expect(areTogether([a, b, c])).toBe(true)
  })

  it('that was replaced while a page was away has ended', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    b.online = false
    await room.rotate(a)
    b.online = true
    await room.reload(b)
    expect(b.session.state.value).toBe('refused')
    expect(b.session.fault.value).toBe('link_ended')
  })

  it('decides, whatever the server says', async () => {
    for (const [change, fault] of [
      [{ encryption: null }, 'not_encrypted'],
      [{ rules: { ...OPEN_RULES, encryption: { open: false, raw: false } } }, 'other_flags'],
      [{ rules: { ...OPEN_RULES, encryption: { open: true, raw: true } } }, 'other_flags'],
      [{ encryption: { hostKey: 'A'.repeat(43), circle: null, admission: null } }, 'other_host_key'],
    ] as const) {
      const fresh = await TestRoom.make()
      const page = await fresh.arrive()
      page.session.close()
      await page.open()
      fresh.join(page, false, change)
      await fresh.settle()
      expect(page.session.fault.value).toBe(fault)
      expect(page.session.state.value).toBe('refused')
      expect(page.epochs).toEqual([])
    }
  })
})

describe('a strict room', () => {
  beforeEach(async () => {
    room = await TestRoom.make({ open: false, raw: false })
  })

  it('takes those with a personal link at once', async () => {
    const a = await room.enter('moderator')
    const b = await room.enter('guest', await personalLink(room.moderator, 0, makeSecret()))
    expect(areTogether([a, b])).toBe(true)
  })

  it('takes others once a moderator gave their word', async () => {
    const a = await room.enter('moderator')
    const b = await room.arrive()
    room.memberKeys.set(b.id, (await b.session.joinPart(null)).memberKey)
    await room.settle()
    expect(b.session.state.value).toBe('asking')
    expect([...a.session.asking.value.keys()]).toEqual([b.id])
    await a.session.grant(b.id)
    await room.settle()
    expect(areTogether([a, b])).toBe(true)
    expect(a.session.asking.value.size).toBe(0)
    await room.reload(b)
    expect(areTogether([a, b])).toBe(true)
  })

  /** A guest whose member key the server knows comes. */
  async function arriveAsking(): Promise<Page> {
    const page = await room.arrive()
    room.memberKeys.set(page.id, (await page.session.joinPart(null)).memberKey)
    await room.settle()
    return page
  }
  const asks = (page: Page) => room.asked.filter(({ by, request }) => by === page.id && request.type === 'mls_ask_admission').length

  it('takes those who came before any moderator, and those whom none heard', async () => {
    const b = await arriveAsking()
    expect(b.session.state.value).toBe('asking')
    const a = await room.enter('moderator')
    expect([...a.session.asking.value.keys()]).toEqual([b.id])
    a.online = false
    const c = await arriveAsking()
    a.online = true
    await room.settle(20_000)
    expect([...a.session.asking.value.keys()]).toEqual([b.id, c.id])
    const before = asks(c)
    for (const page of [b, c]) page.hear({ type: 'participant_away', participant: a.id, away: false })
    await room.settle(100)
    expect(asks(c)).toBe(before + 1)
  })

  it('tells those who wait that the link was replaced, and does not add them for ever', async () => {
    const a = await room.enter('moderator')
    const b = await arriveAsking()
    await room.rotate(a)
    await a.session.grant(b.id)
    await room.settle(60_000)
    expect(b.session.state.value).toBe('refused')
    expect(b.session.fault.value).toBe('link_ended')
    expect(room.asked.filter(({ by, request }) => by === b.id && request.type === 'mls_key_package')).toHaveLength(1)
  })

  it('asks no moderator without end whose word is not believed', async () => {
    const a = await room.enter('moderator')
    const b = await arriveAsking()
    a.clockError = 3 * 24 * 3600
    await a.session.grant(b.id)
    await room.settle(40_000)
    expect(asks(b)).toBeLessThan(6)
    expect(b.session.fault.value).toBe('clock')
  })

  it('gives nobody’s word to another key under the name of somebody who was let in', async () => {
    const a = await room.enter('moderator')
    const b = await arriveAsking()
    await a.session.grant(b.id)
    await room.settle()
    const given = () => room.asked.filter(({ request }) => request.type === 'mls_admit').length
    const before = given()
    a.hear({ type: 'mls_admission_asked', participant: b.id, memberKey: room.memberKeys.get(b.id) ?? '' })
    await room.settle()
    expect(given()).toBe(before + 1)
    a.hear({ type: 'mls_admission_asked', participant: b.id, memberKey: 'A'.repeat(43) })
    await room.settle()
    expect(given()).toBe(before + 1)
    expect([...a.session.asking.value.keys()]).toEqual([b.id])
  })

  it('lets a moderator’s delegate give their word', async () => {
    const a = await room.enter('moderator')
    const b = await room.enter('guest', await personalLink(room.moderator, 0, makeSecret()))
    await a.session.admitDelegate(b.id)
    room.setRole(b, 'moderator')
    await room.settle()
    expect(a.session.members.value.get(b.id)?.role).toBe('moderator')
    expect(a.session.warnings.value).toContainEqual({ kind: 'moderator', participant: b.id })
    await b.session.say({ t: 'announce', text: 'Silence' }, 'everybody')
    const c = await room.arrive()
    const { memberKey } = await c.session.joinPart(null)
    const [given] = await b.session.admit([{ participant: c.id, memberKey }])
    c.hear({ type: 'mls_admission', admission: given?.admission ?? '' })
    await room.settle()
    expect(areTogether([a, b, c])).toBe(true)
    expect(c.session.members.value.get(b.id)?.role).toBe('moderator')
    expect(a.said).toEqual([{ from: b.id, role: 'moderator', message: { t: 'announce', text: 'Silence' } }])
    // The server can take the role away, and give it to nobody.
    room.setRole(b, 'guest')
    room.setRole(c, 'moderator')
    await room.settle()
    await b.session.say({ t: 'announce', text: 'Encore' }, 'everybody')
    await c.session.say({ t: 'announce', text: 'Encore' }, 'everybody')
    await room.settle()
    expect(a.said.slice(1).map(({ role }) => role)).toEqual(['guest', 'guest'])
  })
})

describe('levels that not everybody has', () => {
  it('are opened by those they are for alone, and get another root when somebody drops out', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    b.session.setAudience(1, [a.id, c.id])
    b.session.setLevel('microphone', 1)
    await room.settle()
    const own = () => b.toWorker('own_root').map(({ root }) => root).filter((root) => root !== null)
    expect(own()).toHaveLength(1)
    for (const page of [a, c]) expect(page.toWorker('root').map(({ root }) => root)).toEqual(own())
    b.session.setAudience(1, [a.id])
    await room.settle()
    expect(own()).toHaveLength(2)
    expect(a.toWorker('root').map(({ root }) => root)).toEqual(own())
    expect(c.toWorker('root')).toHaveLength(1)
    const d = await room.enter()
    b.session.setAudience(1, [a.id, d.id])
    await room.settle()
    expect(own()).toHaveLength(2)
    expect(d.toWorker('root').map(({ root }) => root)).toEqual(own().slice(1))
  })

  it('reach those who were loaded anew', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    b.session.setAudience(2, [a.id])
    await room.settle()
    await room.reload(a)
    expect(a.toWorker('root').at(-1)?.root).toEqual(b.toWorker('own_root').at(-1)?.root)
  })
})

describe('a question', () => {
  it('is read by members, answered without a name, and counted by who asked', async () => {
    const [a, b, c] = [await room.enter('moderator'), await room.enter(), await room.enter()]
    const sealed = await a.session.sealQuestion({ question: 'Ça va ?', choices: ['oui', 'non'] })
    const asked = await b.session.openQuestion(a.id, sealed)
    expect(asked).toMatchObject({ role: 'moderator', question: { question: 'Ça va ?', choices: ['oui', 'non'] } })
    if (asked === null) throw new Error('not read')
    const ballots = [await b.session.sealBallot(asked.question, 7, 1), await c.session.sealBallot(asked.question, 7, 0), 'A'.repeat(107), '?']
    expect(await a.session.tally(asked.question, 7, ballots)).toEqual([1, 1])
    expect(await a.session.tally(asked.question, 8, ballots)).toEqual([0, 0])
    expect(await b.session.tally(asked.question, 7, ballots)).toBeNull()
    // After a reload the key follows from the link.
    await room.reload(a)
    expect(await a.session.tally(asked.question, 7, ballots)).toEqual([1, 1])
  })
})

describe('a server that does what it should not', () => {
  it('plants nobody: a ghost is refused by all, and everybody is told', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    const other = await TestRoom.make()
    await other.enter('moderator')
    await other.enter()
    const shown = await other.enter()
    const asked = other.asked.find(({ by, request }) => by === shown.id && request.type === 'mls_key_package')
    if (asked?.request.type !== 'mls_key_package') throw new Error('no key package')
    for (const page of [a, b]) {
      page.hear({ type: 'participant_joined', participant: { participant: shown.id } as never })
      page.hear({ type: 'mls_wanted', participant: shown.id, keyPackage: asked.request.keyPackage })
    }
    await room.settle()
    expect(a.session.members.value.size).toBe(2)
    expect(b.session.members.value.size).toBe(2)
    expect(a.session.warnings.value).toContainEqual({ kind: 'refused', why: 'not admitted: other_room' })
  })

  it('cannot hide who is not in the circle', async () => {
    const a = await room.enter('moderator')
    a.hear({ type: 'participant_joined', participant: { participant: 'AAAAAAAAAP8', role: 'guest' } as never })
    await room.settle()
    expect(a.session.counts.value).toEqual({ present: 2, encrypted: 1 })
  })

  it('splits nobody by a commit of its own making', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    let spoil = true
    b.tamper = (message) => {
      if (message.type !== 'mls_committed' || !spoil) return message
      spoil = false
      return { ...message, commit: message.commit.slice(0, -4) + 'AAAA' }
    }
    const c = await room.enter()
    await room.settle()
    expect(b.session.warnings.value[0]?.kind).toBe('refused')
    expect(areTogether([a, b, c])).toBe(true)
  })
})

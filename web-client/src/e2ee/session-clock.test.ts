// Clocks that are wrong, where somebody's word has an end.

import { beforeEach, describe, expect, it } from 'vitest'
import { makeSecret } from '../link'
import { personalLink } from './link-keys'
import { areTogether, type Page, TestRoom } from './testing'

let room: TestRoom

beforeEach(async () => {
  room = await TestRoom.make({ open: false, raw: false })
})

const warningsOf = (pages: readonly Page[]) => pages.flatMap(({ session }) => session.warnings.value)

describe('a strict room', () => {
  it.each([-13, 13])('tells of a clock that is wrong by %i hours', async (hours) => {
    const a = await room.enter('moderator')
    const b = await room.arrive('guest', await personalLink(room.moderator, 0, makeSecret()), hours * 3600)
    await room.settle()
    expect(b.session.state.value).toBe('refused')
    expect(b.session.fault.value).toBe('clock')
    expect(areTogether([a])).toBe(true)
    expect(warningsOf([a])).toEqual([])
  })

  /** A member whose clock goes wrong, who cannot believe the next one who comes. */
  async function misdated(): Promise<[Page, Page]> {
    const [a, b] = [await room.enter('moderator'), await room.enter('guest', await personalLink(room.moderator, 0, makeSecret()))]
    b.clockError = 3 * 24 * 3600
    await room.enter('guest', await personalLink(room.moderator, 0, makeSecret()))
    return [a, b]
  }
  const packages = (page: Page) => room.asked.filter(({ by, request }) => by === page.id && request.type === 'mls_key_package').length

  it('tells a member whose clock goes wrong, tries ever more seldom, and gives up', async () => {
    const [a, b] = await misdated()
    expect(b.session.warnings.value).toEqual([{ kind: 'clock' }])
    expect(b.session.state.value).not.toBe('refused')
    const tries: number[] = []
    for (let minute = 0; minute < 10; minute += 1) {
      const before = packages(b)
      await room.settle(60_000)
      tries.push(packages(b) - before)
    }
    expect(tries.reduce((sum, one) => sum + one)).toBeLessThan(8)
    expect(tries.slice(5)).toEqual([0, 0, 0, 0, 0])
    expect(b.session.warnings.value).toEqual([{ kind: 'clock' }])
    expect(b.session.state.value).toBe('refused')
    expect(b.session.fault.value).toBe('clock')
    expect(warningsOf([a])).toEqual([])
  })

  it('takes them back as soon as they put it right', async () => {
    const [a, b] = await misdated()
    await room.settle(40_000)
    expect(b.session.state.value).not.toBe('member')
    b.clockError = 0
    await room.settle(4_000)
    expect(areTogether(room.pages)).toBe(true)
    expect(b.session.fault.value).toBeNull()
    // Another time is another warning.
    b.clockError = -3 * 24 * 3600
    await room.enter('guest', await personalLink(room.moderator, 0, makeSecret()))
    expect(b.session.warnings.value.filter(({ kind }) => kind === 'clock')).toHaveLength(2)
    expect(warningsOf([a])).toEqual([])
  })

  it('bears a clock that is wrong by less', async () => {
    const a = await room.enter('moderator')
    const b = await room.arrive('guest', await personalLink(room.moderator, 0, makeSecret()), 11 * 3600)
    await room.settle()
    expect(areTogether([a, b])).toBe(true)
    expect(b.session.fault.value).toBeNull()
  })
})

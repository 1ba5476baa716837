import { describe, expect, it } from 'vitest'
import { TestFailure, type Way } from './connection-test'
import { type Reaching, type Road, tryRoads } from './reach'

const PLACES = [
  { address: '192.0.2.7', port: 443 },
  { address: '2001:db8::7', port: 443 },
]

/** A server of which some ways work, some do not, and some are not there. */
function reaching(outcome: (way: Way, address: string | undefined) => number | 'blocked' | 'none'): Reaching & { ended: number } {
  return {
    ended: 0,
    openSession: () => Promise.resolve({ roundTrip: 1, places: PLACES }),
    tryMedia(way, address) {
      const came = outcome(way, address)
      if (came === 'blocked') return Promise.reject(new TestFailure('udp_blocked'))
      return Promise.resolve(came === 'none' ? null : { path: null, roundTrip: came })
    },
    end() {
      this.ended += 1
    },
  }
}

describe('the ways to a server', () => {
  it('are each tried alone, and told as they come', async () => {
    const told: (readonly Road[])[] = []
    const world = reaching((way, address) => {
      if (way === 'tls') return 'none'
      return address === '192.0.2.7' ? (way === 'udp' ? 3 : 9) : 'blocked'
    })
    await tryRoads(world, (roads) => told.push(roads))
    expect(told[0]?.map(({ state }) => state)).toEqual(Array(5).fill('running'))
    expect(told.at(-1)?.map(({ way, address, state, roundTrip }) => [way, address, state, roundTrip])).toEqual([
      ['udp', '192.0.2.7', 'good', 3],
      ['tcp', '192.0.2.7', 'good', 9],
      ['udp', '2001:db8::7', 'failed', null],
      ['tcp', '2001:db8::7', 'failed', null],
      ['tls', null, 'skipped', null],
    ])
    expect(world.ended).toBe(1)
  })

  it('are unknown where the server does not answer', async () => {
    const world = { ...reaching(() => 'none'), openSession: () => Promise.reject(new TestFailure('websocket_blocked')) }
    await expect(tryRoads(world, () => undefined)).rejects.toThrow('websocket_blocked')
  })
})

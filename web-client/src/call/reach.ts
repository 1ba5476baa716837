// Which addresses of the server this browser reaches, and by which ways: for whoever set it up. A meeting
// needs one of them; here each is tried alone.

import type { Probing, Way } from './connection-test'

/** One way to one address, and what came of it. */
export interface Road {
  readonly way: Way
  /** Where the server receives media, as it says itself; `null` for its relay, which stands where the page
   * came from. */
  readonly address: string | null
  /** `skipped`: the server does not offer it. */
  readonly state: 'running' | 'good' | 'failed' | 'skipped'
  /** Milliseconds, where the browser says. */
  readonly roundTrip: number | null
}

/** What is needed of the browser and the network. */
export type Reaching = Pick<Probing, 'openSession' | 'tryMedia' | 'end'>

/** Tries each; `tell` hears all of them at each change. Rejects with `TestFailure` when the server cannot
 * be asked for its addresses. */
export async function tryRoads(reaching: Reaching, tell: (roads: readonly Road[]) => void): Promise<void> {
  try {
    const { places } = await reaching.openSession()
    const addresses = [...new Set(places.map(({ address }) => address))].slice(0, MAX_ADDRESSES)
    const direct = addresses.flatMap((address) => [road('udp', address), road('tcp', address)])
    let roads = [...direct, road('tls', null)]
    tell(roads)
    const settle = (index: number, change: Partial<Road>) => {
      roads = roads.map((one, at) => (at === index ? { ...one, ...change } : one))
      tell(roads)
    }
    await Promise.all(
      roads.map(async ({ way, address }, index) => {
        try {
          const trial = await reaching.tryMedia(way, address ?? undefined)
          settle(index, trial === null ? { state: 'skipped' } : { state: 'good', roundTrip: trial.roundTrip })
        } catch {
          settle(index, { state: 'failed' })
        }
      }),
    )
  } finally {
    reaching.end()
  }
}

function road(way: Way, address: string | null): Road {
  return { way, address, state: 'running', roundTrip: null }
}

/** Addresses tried. The server lets one network try 32 connections at once, and each address takes two. */
const MAX_ADDRESSES = 12

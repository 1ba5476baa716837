import { describe, expect, it } from 'vitest'
import { type Probing, STEPS, type TestCause, testConnection, TestFailure, type TestResult, verdictOf, type Way } from './connection-test'

const PLACE = { address: '192.0.2.7', port: 8443 }

/** Everything works, but for what `change` says. */
function probing(change: Partial<Probing> = {}): Probing & { ended: number } {
  return {
    ended: 0,
    browserProblem: () => null,
    deviceProblem: () => Promise.resolve(null),
    askServer: () => Promise.resolve(12),
    openSession: () => Promise.resolve({ roundTrip: 7, places: [PLACE] }),
    tryMedia: () => Promise.resolve({ path: { localType: 'host', protocol: 'udp', server: PLACE }, roundTrip: 3 }),
    end() {
      this.ended += 1
    },
    ...change,
  }
}

function fails(why: TestCause): () => Promise<never> {
  return () => Promise.reject(new TestFailure(why))
}

function statesOf(result: TestResult): string {
  return STEPS.map((name) => result.steps[name].state).join(' ')
}

describe('the connection test', () => {
  it('passes each step in order and lets go of everything', async () => {
    const world = probing()
    const told: string[] = []
    const result = await testConnection(world, (now) => told.push(statesOf(now)))
    expect(told[0]).toBe('running waiting waiting waiting waiting waiting waiting')
    expect(statesOf(result)).toBe('good good good good good good good')
    expect(verdictOf(result)).toBe('good')
    expect(result.steps.udp.roundTrip).toBe(3)
    expect([result.places, result.path?.server]).toEqual([[PLACE], PLACE])
    expect(world.ended).toBe(1)
  })

  it('names the first step that fails and leaves out what needs it', async () => {
    const cases: [Partial<Probing>, string, TestCause][] = [
      [{ browserProblem: () => 'browser_unsupported' }, 'failed skipped skipped skipped skipped skipped skipped', 'browser_unsupported'],
      [{ askServer: fails('server_unreachable') }, 'good good failed skipped skipped skipped skipped', 'server_unreachable'],
      [{ openSession: fails('websocket_blocked') }, 'good good good failed skipped skipped skipped', 'websocket_blocked'],
      [{ tryMedia: fails('udp_blocked') }, 'good good good good failed failed failed', 'udp_blocked'],
    ]
    for (const [change, states, cause] of cases) {
      const world = probing(change)
      const result = await testConnection(world, () => undefined)
      expect(statesOf(result)).toBe(states)
      expect(STEPS.map((name) => result.steps[name].cause).find((found) => found !== null)).toBe(cause)
      expect(verdictOf(result)).toBe('failed')
      expect(world.ended).toBe(1)
    }
  })

  it('goes on without a camera, and says so', async () => {
    const result = await testConnection(probing({ deviceProblem: () => Promise.resolve('camera_missing') }), () => undefined)
    expect(statesOf(result)).toBe('good doubtful good good good good good')
    expect(verdictOf(result)).toBe('doubtful')
  })

  it('is content with one way for media, and says when it is not UDP', async () => {
    const open = { path: { localType: 'relay', protocol: 'udp', server: PLACE }, roundTrip: 9 }
    const ways = (works: readonly Way[], offered: readonly Way[] = ['udp', 'tcp', 'tls']) =>
      probing({
        tryMedia: (way) => (!offered.includes(way) ? Promise.resolve(null) : works.includes(way) ? Promise.resolve(open) : fails('udp_blocked')()),
      })
    const cases: [Probing, string, string, TestCause | null][] = [
      [ways(['udp']), 'good closed closed', 'good', null],
      [ways(['udp', 'tcp'], ['udp', 'tcp']), 'good good skipped', 'good', null],
      [ways(['tcp', 'tls']), 'doubtful good good', 'doubtful', 'udp_detour'],
      [ways(['tls']), 'doubtful closed good', 'doubtful', 'udp_detour'],
      [ways([], ['udp']), 'failed skipped skipped', 'failed', 'udp_blocked'],
      [ways([]), 'failed failed failed', 'failed', 'udp_blocked'],
    ]
    for (const [world, states, verdict, cause] of cases) {
      const result = await testConnection(world, () => undefined)
      expect(statesOf(result)).toBe(`good good good good ${states}`)
      expect(verdictOf(result)).toBe(verdict)
      expect(result.steps.udp.cause).toBe(cause)
      expect(result.path).toEqual(verdict === 'failed' ? null : open.path)
    }
  })

  it('ends also when something unforeseen is thrown', async () => {
    const result = await testConnection(probing({ tryMedia: () => Promise.reject(new Error('?')) }), () => undefined)
    expect(result.steps.udp).toEqual({ state: 'failed', cause: 'internal', roundTrip: null })
  })

  it('knows where the server takes media before media gets there', async () => {
    const result = await testConnection(probing({ tryMedia: fails('udp_blocked') }), () => undefined)
    expect(result.places).toEqual([PLACE])
  })
})

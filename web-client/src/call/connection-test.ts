// The connection test: what a meeting needs, tried one after the other. The steps and what follows
// from them are decided here; `probing.ts` does what touches the browser and the network.

import type { Problem } from './state'

/** The ways there may be for media, best first. `tls`: by the server's relay. */
export type Way = 'udp' | 'tcp' | 'tls'

/** What is tried, in order. Each needs the ones before it; the ways for media are tried at once, and
 * one of them is enough. */
export type StepName = 'browser' | 'devices' | 'http' | 'websocket' | Way

/** Where a step stands. `doubtful`: a meeting is possible, but for something. `closed`: a way that is
 * not needed does not work. */
export type StepState = 'waiting' | 'running' | 'good' | 'doubtful' | 'failed' | 'skipped' | 'closed'

/** Causes that only this test can tell apart. */
export type TestProblem =
  /** The browser shows no devices to this page at all. */
  | 'devices_unavailable'
  /** Something answers in the server's place: the login page of a network, or a filter. */
  | 'server_unexpected'
  /** Plain requests get through, a WebSocket does not. */
  | 'websocket_blocked'
  /** No datagram comes back from the server by any way. */
  | 'udp_blocked'
  /** None by UDP, but by another way. */
  | 'udp_detour'
  /** Small datagrams come back; the secure handshake in larger ones does not end. */
  | 'udp_handshake'

/** Why a step is not good. */
export type TestCause = TestProblem | Problem

/** What a step found. */
export interface Step {
  readonly state: StepState
  readonly cause: TestCause | null
  /** Round trip, in milliseconds, where the step measures one. */
  readonly roundTrip: number | null
}

/** Where the server receives media. */
export interface Place {
  readonly address: string
  readonly port: number
}

/** The path that media took. Of this machine only the kind of its candidate, never an address. */
export interface Path {
  readonly localType: string
  readonly protocol: string
  readonly server: Place | null
}

/** Everything found so far. */
export interface TestResult {
  readonly steps: Readonly<Record<StepName, Step>>
  /** Where the server asked for media, once it answered. */
  readonly places: readonly Place[]
  readonly path: Path | null
}

/** Why the test cannot go on. */
export class TestFailure extends Error {
  constructor(readonly why: TestCause) {
    super(why)
  }
}

/** How media was tried. */
export interface MediaTrial {
  readonly path: Path | null
  /** Milliseconds; `null` where the browser does not say. */
  readonly roundTrip: number | null
}

/** What the test needs of the browser and the network. Rejects with `TestFailure` only. */
export interface Probing {
  /** Why this browser cannot take part, or `null`. */
  browserProblem(): Problem | null
  /** What is missing of microphone and camera, or `null`; nothing is opened. */
  deviceProblem(): Promise<TestCause | null>
  /** Asks the server by plain HTTP; the round trip in milliseconds. */
  askServer(): Promise<number>
  /** Opens a session and has an offer answered: round trip, and where media should go. */
  openSession(): Promise<{ roundTrip: number; places: readonly Place[] }>
  /** Tries media by one way, after a session was opened, and to one `address` of the server where that is
   * given; `null` where the server does not offer it. */
  tryMedia(way: Way, address?: string): Promise<MediaTrial | null>
  /** Lets go of everything. */
  end(): void
}

const WAYS: readonly Way[] = ['udp', 'tcp', 'tls']

/** The steps before media. */
const FIRST_STEPS = ['browser', 'devices', 'http', 'websocket'] as const

/** Order of the steps. */
export const STEPS: readonly StepName[] = [...FIRST_STEPS, ...WAYS]

/** Before the test. */
export const UNTESTED: TestResult = {
  steps: Object.fromEntries(
    STEPS.map((name) => [name, { state: 'waiting', cause: null, roundTrip: null }]),
  ) as Record<StepName, Step>,
  places: [],
  path: null,
}

/** Runs the whole test; `tell` hears each change. */
export async function testConnection(probing: Probing, tell: (result: TestResult) => void): Promise<TestResult> {
  let result = UNTESTED
  const set = (change: Partial<TestResult>) => {
    result = { ...result, ...change }
    tell(result)
  }
  const mark = (name: StepName, state: StepState, cause: TestCause | null = null, roundTrip: number | null = null) => {
    set({ steps: { ...result.steps, [name]: { state, cause, roundTrip } } })
  }
  const actions: Record<(typeof FIRST_STEPS)[number], () => Promise<[StepState, TestCause | null, number | null]>> = {
    browser: () => {
      const problem = probing.browserProblem()
      return problem === null ? good(null) : Promise.reject(new TestFailure(problem))
    },
    devices: async () => {
      const problem = await probing.deviceProblem()
      return problem === null ? good(null) : ['doubtful', problem, null]
    },
    http: async () => good(await probing.askServer()),
    websocket: async () => {
      const { roundTrip, places } = await probing.openSession()
      set({ places })
      return good(roundTrip)
    },
  }
  /** What works is told at once; what does not, once it is known whether it is needed. */
  const tryWays = async () => {
    for (const way of WAYS) mark(way, 'running')
    const tried = await Promise.all(
      WAYS.map(async (way) => {
        try {
          const trial = await probing.tryMedia(way)
          if (trial === null) mark(way, 'skipped')
          else mark(way, 'good', null, trial.roundTrip)
          return { way, path: trial?.path ?? null, works: trial !== null, why: null }
        } catch (error) {
          return { way, path: null, works: false, why: causeOf(error) }
        }
      }),
    )
    const works = tried.some((one) => one.works)
    set({ path: tried.find(({ path }) => path !== null)?.path ?? null })
    for (const { way, why } of tried) {
      if (why === null) continue
      // One cause is enough: what helps UDP is said with the others.
      if (!works) mark(way, 'failed', way === 'udp' ? why : null)
      else if (way === 'udp') mark(way, 'doubtful', why === 'udp_blocked' ? 'udp_detour' : why)
      else mark(way, 'closed')
    }
  }
  try {
    for (const name of FIRST_STEPS) {
      mark(name, 'running')
      mark(name, ...(await actions[name]()))
    }
    await tryWays()
  } catch (error) {
    for (const name of STEPS) {
      const { state } = result.steps[name]
      if (state === 'running') mark(name, 'failed', causeOf(error))
      else if (state === 'waiting') mark(name, 'skipped')
    }
  } finally {
    probing.end()
  }
  return result
}

/** All steps as one word. */
export function verdictOf({ steps }: TestResult): 'running' | 'good' | 'doubtful' | 'failed' {
  const states = STEPS.map((name) => steps[name].state)
  if (states.includes('failed')) return 'failed'
  if (states.some((state) => state === 'waiting' || state === 'running')) return 'running'
  return states.includes('doubtful') ? 'doubtful' : 'good'
}

function causeOf(error: unknown): TestCause {
  return error instanceof TestFailure ? error.why : 'internal'
}

function good(roundTrip: number | null): Promise<['good', null, number | null]> {
  return Promise.resolve(['good', null, roundTrip])
}

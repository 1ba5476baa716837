import { mkdirSync } from 'node:fs'
import { test } from 'node:test'
import { closePage, openApart, openPage } from './browsers.ts'
import type { Engine, PageOptions, TestPage } from './page.ts'
import { createRoom, guestPath, proofOf, type RoomLinks } from './link.ts'
import { PreauServer, type ServerOptions } from './server.ts'
import { within } from './until.ts'

/** Where a failing test leaves pictures of its pages. */
const FAILURES = new URL('../screenshots/failures/', import.meta.url).pathname

/** Longest time of one test. Raised: a hanging suite is noticed later. */
const TEST_MS = 90_000

/** Longest time to gather what a failed test saw; a browser that hangs answers nothing. */
const REPORT_MS = 20_000

/** Of why a rule failed, what is repeated at the end: what was awaited, and what was there instead. */
const REASON = { first: 400, last: 800 }

/** What a test works with: its own servers and pages, all ended with it. */
export class Ground {
  readonly #servers: PreauServer[] = []
  readonly #pages: TestPage[] = []
  readonly #endings: (() => Promise<void> | void)[] = []
  readonly #noted: string[] = []

  /** `beside`: another rule may run at the same time, in the one Firefox there is. */
  constructor(private readonly beside: boolean) {}

  /** Pages whose console may speak of a lost server, since the test takes it away. */
  expectsNetworkErrors = false

  async server(options?: ServerOptions): Promise<PreauServer> {
    const server = await PreauServer.start(options)
    this.#servers.push(server)
    return server
  }

  /** A server with one room, made over HTTP. */
  async serverWithRoom(options?: ServerOptions): Promise<{ server: PreauServer; links: RoomLinks; guestLink: string }> {
    const server = await this.server(options)
    const links = await createRoom(server.origin)
    this.keepSecret(server, links)
    return { server, links, guestLink: `${server.origin}${guestPath(links)}` }
  }

  /** The server's log must not hold any part of these links. */
  keepSecret(server: PreauServer, links: RoomLinks): void {
    for (const secret of [links.guestSecret, links.moderatorSecret]) {
      server.forbidInLog(secret)
      server.forbidInLog(proofOf(secret))
    }
    server.forbidInLog(links.room)
  }

  async page(engine: Engine = 'chromium', options?: PageOptions): Promise<TestPage> {
    if (engine === 'firefox' && this.beside) throw new Error('a rule beside others has no Firefox')
    const page = await openPage(engine, options)
    this.#pages.push(page)
    return page
  }

  /** A page in a browser of its own that checks certificates, and trusts the server's authority. */
  trustingPage(engine: Engine, server: PreauServer, options?: PageOptions): Promise<TestPage> {
    return this.#pageApart(engine, server.authority, options)
  }

  /** A page in a Chromium of its own, which may be stopped: the pages of one share its microphone and what
   * plays sound, and wait for each other there. */
  pageApart(options?: PageOptions): Promise<TestPage> {
    return this.#pageApart('chromium', undefined, options)
  }

  async #pageApart(engine: Engine, authority: string | undefined, options?: PageOptions): Promise<TestPage> {
    const { page, close } = await openApart(engine, authority, options)
    this.#pages.push(page)
    this.afterwards(close)
    return page
  }

  /** Runs `ending` when the test ends, passed or failed. */
  afterwards(ending: () => Promise<void> | void): void {
    this.#endings.push(ending)
  }

  /** Notes something wrong and goes on; the test fails at its end. */
  note(fault: string): void {
    this.#noted.push(fault)
  }

  /** What broke a rule that holds in every test; asked while pages and servers still stand. */
  async faults(): Promise<string[]> {
    const faults = [...this.#noted]
    for (const page of this.#pages) {
      const tokens = await page.evaluate<string[]>('__rig.resumeTokens').catch(() => [])
      for (const server of this.#servers) {
        for (const token of tokens) server.forbidInLog(token)
      }
      const violations = await page.evaluate<string[]>('__rig.violations').catch(() => [])
      faults.push(...violations.map((v) => `content security policy violated in ${page.engine}: ${v}`))
      // Networks that rules make and take away are changes to Chromium, whatever rule runs then.
      const errors = page.errors.filter((error) => !error.includes('ERR_NETWORK_CHANGED'))
      if (!this.expectsNetworkErrors) faults.push(...errors.map((e) => `error in ${page.engine}: ${e}`))
    }
    for (const server of this.#servers) faults.push(...server.leaks().map((leak) => `log of the server holds ${leak}`))
    return faults
  }

  /** Shows what a failed test saw. */
  async report(name: string): Promise<void> {
    mkdirSync(FAILURES, { recursive: true })
    for (const [i, page] of this.#pages.entries()) {
      const file = `${FAILURES}${name.replace(/\W+/g, '_').slice(0, 60)}-${i}-${page.engine}.png`
      const text = await page.bodyText().catch(() => '(closed)')
      const talk = await page.evaluate<string>('JSON.stringify([__rig.sent, __rig.received])').catch(() => '')
      process.stderr.write(`--- ${page.engine} ${i}: ${JSON.stringify(text)}\n    errors: ${JSON.stringify(page.errors)}\n    talk: ${talk.slice(-800)}\n`)
      await page.screenshot(file).catch(() => undefined)
    }
    for (const fault of await this.faults()) process.stderr.write(`--- also: ${fault}\n`)
    for (const server of this.#servers) process.stderr.write(`--- log of the server:\n${server.log.slice(-3000)}\n`)
  }

  async end(): Promise<void> {
    await Promise.all(this.#pages.map(closePage))
    for (const server of this.#servers) await server.kill()
    for (const ending of this.#endings.reverse()) await ending()
  }
}

/** Words given on the command line: only rules whose names hold one of them are proven. */
const WANTED = process.argv.slice(2)

/** Whether rules are chosen by name, to look at what they leave: pictures are then taken. */
export const isChosen = WANTED.length > 0

/** How often something is measured: `often` where that is asked for by name, `once` where all rules are
 * proven, and the figure is shown beside them. */
export function turns(often: number, once: number): number {
  return isChosen ? often : once
}

/** How many rules held; why the others did not; which held only when proven once more; and how long each
 * proof took, in seconds. */
export const outcome = { passed: 0, failures: [] as string[], unsteady: [] as string[], took: [] as { name: string; seconds: number }[] }

/** When a rule is proven: one after the other by default, since there is one Firefox; `beside` any other,
 * in Chromium only; or `alone`, since it measures, loads the whole machine or changes its network under
 * every page. */
type Order = 'in turn' | 'beside' | 'alone'

interface Rule {
  name: string
  prove: (ground: Ground) => Promise<void>
  order: Order
  deadlineMs: number
}

const rules: Rule[] = []

/** One rule of the product, to be proven in real browsers against the real server. */
export function rule(
  name: string,
  prove: (ground: Ground) => Promise<void>,
  { order = 'in turn', deadlineMs = TEST_MS, onlyByName = false }: { order?: Order; deadlineMs?: number; onlyByName?: boolean } = {},
): void {
  // A measure that takes long: where it is asked for, as by `make browser-figures`.
  if (onlyByName && !isChosen) return
  if (isChosen && !WANTED.some((word) => name.includes(word))) return
  rules.push({ name, prove, order, deadlineMs })
}

/** How many rules are proven at once. Raised: browsers of two cores keep each other waiting until deadlines
 * break; lowered: what waits for real time keeps the machine idle. */
const AT_ONCE = 2

/** Proves every rule that was made: some at once, then those that go alone. Whoever has proven one takes
 * the next, so that no rule is left over for the end with nothing beside it. A rule that fails is proven
 * once more when the machine has nothing else to do, and only then has failed: a machine that stands
 * still for seconds breaks the deadlines of whatever runs then. Such a rule is named at the end. */
export async function proveRules(): Promise<void> {
  // Longest first, as far as their deadlines tell: a long one that begins last is waited for alone.
  const inOrder = (order: Order): Rule[] => rules.filter((one) => one.order === order).sort((one, other) => other.deadlineMs - one.deadlineMs)
  const again: Rule[] = []
  await test('rules', { concurrency: AT_ONCE }, async (suite) => {
    const prove = (one: Rule): Promise<void> =>
      suite.test(one.name, async (turn) => {
        try {
          await proveRule(one)
        } catch (error) {
          again.push(one)
          turn.diagnostic(`failed, to be proven once more: ${String(error)}`)
        }
      })
    const [inTurn, beside] = [inOrder('in turn'), inOrder('beside')]
    let isTurnTaken = false
    const row = async (): Promise<void> => {
      for (;;) {
        const turn = isTurnTaken ? undefined : inTurn.shift()
        const one = turn ?? beside.shift()
        if (one === undefined) return
        isTurnTaken ||= one === turn
        await prove(one)
        if (one === turn) isTurnTaken = false
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, row))
    for (const one of inOrder('alone')) await prove(one)
    for (const one of again) {
      await suite.test(`${one.name} (once more)`, async () => {
        try {
          await proveRule(one)
          outcome.unsteady.push(one.name)
        } catch (error) {
          outcome.failures.push(`${one.name}: ${shortened(String(error))}`)
          throw error
        }
      })
    }
  })
}

function shortened(reason: string): string {
  const { first, last } = REASON
  return reason.length <= first + last ? reason : `${reason.slice(0, first)} […] ${reason.slice(-last)}`
}

async function proveRule({ name, prove, order, deadlineMs }: Rule): Promise<void> {
  const ground = new Ground(order === 'beside')
  const began = performance.now()
  try {
    await within(name, deadlineMs, prove(ground))
    const faults = await ground.faults()
    if (faults.length > 0) throw new Error(faults.join('\n'))
    outcome.passed += 1
  } catch (error) {
    await within('a report', REPORT_MS, ground.report(name)).catch((late: unknown) => {
      process.stderr.write(`--- no report: ${String(late)}\n`)
    })
    throw error
  } finally {
    await ground.end()
    outcome.took.push({ name, seconds: (performance.now() - began) / 1000 })
  }
}

import { mkdirSync } from 'node:fs'
import { test } from 'node:test'
import { closePages, openPage, openPages } from './browsers.ts'
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

/** What a test works with: its own servers and pages, all ended with it. */
export class Ground {
  readonly #servers: PreauServer[] = []
  readonly #endings: (() => Promise<void> | void)[] = []
  readonly #noted: string[] = []

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

  page(engine: Engine = 'chromium', options?: PageOptions): Promise<TestPage> {
    return openPage(engine, options)
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
    for (const page of openPages()) {
      const tokens = await page.evaluate<string[]>('__rig.resumeTokens').catch(() => [])
      for (const server of this.#servers) {
        for (const token of tokens) server.forbidInLog(token)
      }
      const violations = await page.evaluate<string[]>('__rig.violations').catch(() => [])
      faults.push(...violations.map((v) => `content security policy violated in ${page.engine}: ${v}`))
      if (!this.expectsNetworkErrors) faults.push(...page.errors.map((e) => `error in ${page.engine}: ${e}`))
    }
    for (const server of this.#servers) faults.push(...server.leaks().map((leak) => `log of the server holds ${leak}`))
    return faults
  }

  /** Shows what a failed test saw. */
  async report(name: string): Promise<void> {
    mkdirSync(FAILURES, { recursive: true })
    for (const [i, page] of [...openPages()].entries()) {
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
    await closePages()
    for (const server of this.#servers) await server.kill()
    for (const ending of this.#endings.reverse()) await ending()
  }
}

/** Words given on the command line: only rules whose names hold one of them are proven. */
const WANTED = process.argv.slice(2)

/** How many rules held and how many did not. */
export const outcome = { passed: 0, failed: 0 }

/** One rule of the product, proven in real browsers against the real server. */
export function rule(name: string, prove: (ground: Ground) => Promise<void>, deadlineMs = TEST_MS): void {
  if (WANTED.length > 0 && !WANTED.some((word) => name.includes(word))) return
  test(name, async () => {
    const ground = new Ground()
    try {
      await within(name, deadlineMs, prove(ground))
      const faults = await ground.faults()
      if (faults.length > 0) throw new Error(faults.join('\n'))
      outcome.passed += 1
    } catch (error) {
      outcome.failed += 1
      await within('a report', REPORT_MS, ground.report(name)).catch((late: unknown) => {
        process.stderr.write(`--- no report: ${String(late)}\n`)
      })
      throw error
    } finally {
      await ground.end()
    }
  })
}

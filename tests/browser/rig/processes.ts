// Processes as the system sees them.

import { readFileSync } from 'node:fs'
import { killQuietly } from './cleanup.ts'
import type { TestPage } from './page.ts'
import { until } from './until.ts'

/** Processor time a process has used so far, all of its threads together, in seconds. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  const ticksPerSecond = 100
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** Two processes whose times are nearer to each other cannot be told apart, in seconds. */
const APART = 0.1

/** A page is kept busy for so long to tell its process from others, in milliseconds. */
const BUSY_MS = 150

/** The process in which Chromium runs a page, its workers and its decoders, and nothing else. */
export class Renderer {
  private constructor(readonly pid: number) {}

  /** The page says how much time its process has used: it is the one that the system says it of. */
  static async of(page: TestPage): Promise<Renderer> {
    const { cdp } = page
    if (cdp === null) throw new Error('only Chromium tells its processes')
    const browser = await page.raw.browser().target().createCDPSession()
    await cdp.send('Performance.enable')
    try {
      return await until('one process is the page’s', async () => {
        await page.evaluate(`(() => { const end = performance.now() + ${BUSY_MS}; while (performance.now() < end); })()`)
        const { metrics } = await cdp.send('Performance.getMetrics')
        const own = metrics.find(({ name }) => name === 'ProcessTime')?.value ?? Number.NaN
        const { processInfo } = await browser.send('SystemInfo.getProcessInfo')
        const alike = processInfo.filter(({ type, id }) => type === 'renderer' && Math.abs(cpuSeconds(id) - own) < APART)
        return alike.length === 1 && alike[0] !== undefined && new Renderer(alike[0].id)
      })
    } finally {
      await cdp.send('Performance.disable')
      await browser.detach()
    }
  }

  /** Processor time used so far, in seconds. */
  cpuSeconds(): number {
    return cpuSeconds(this.pid)
  }

  /** Stands still from now on, as on a machine that sleeps: nothing in it knows. */
  stop(): void {
    killQuietly(this.pid, 'SIGSTOP')
  }

  /** Ends without a word, as one that ran out of memory. */
  kill(): void {
    killQuietly(this.pid, 'SIGKILL')
  }

  /** Goes on. */
  go(): void {
    killQuietly(this.pid, 'SIGCONT')
  }
}

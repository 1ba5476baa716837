// Processes as the system sees them.

import { readFileSync } from 'node:fs'
import { killQuietly } from './cleanup.ts'
import type { TestPage } from './page.ts'

/** Processor time a process has used so far, all of its threads together, in seconds. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  const ticksPerSecond = 100
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** What Chromium's record of itself says at its beginning: which process shows which frame. */
interface Started {
  name?: string
  args?: { data?: { frames?: { frame: string; processId: number }[] } }
}

/** The process in which Chromium runs a page, its workers and its decoders, and nothing else. */
export class Renderer {
  private constructor(readonly pid: number) {}

  /** By the beginning of a record of what the browser does, which names the process of each frame. */
  static async of(page: TestPage): Promise<Renderer> {
    const { cdp } = page
    if (cdp === null) throw new Error('only Chromium tells its processes')
    const { frameTree } = await cdp.send('Page.getFrameTree')
    const events: Started[] = []
    const gather = ({ value }: { value: Started[] }): void => void events.push(...value)
    cdp.on('Tracing.dataCollected', gather)
    const complete = new Promise((resolve) => cdp.once('Tracing.tracingComplete', resolve))
    await cdp.send('Tracing.start', { categories: 'disabled-by-default-devtools.timeline', transferMode: 'ReportEvents' })
    await cdp.send('Tracing.end')
    await complete
    cdp.off('Tracing.dataCollected', gather)
    const frames = events.filter(({ name }) => name === 'TracingStartedInBrowser').flatMap(({ args }) => args?.data?.frames ?? [])
    const pid = frames.find(({ frame }) => frame === frameTree.frame.id)?.processId
    if (pid === undefined) throw new Error(`no process shows the page: ${JSON.stringify(frames)}`)
    return new Renderer(pid)
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

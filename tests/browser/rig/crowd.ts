// Synthetic participants in a room: the load test's, which share no code with the page or the server.

import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { atExit, temporaryFolder } from './cleanup.ts'
import { PREAU_BIN } from './server.ts'
import type { Ground } from './rule.ts'

/** Beside the server, where both are built. */
const LOADTEST_BIN = resolve(process.env['LOADTEST_BIN'] ?? join(dirname(PREAU_BIN), 'loadtest'))

/** Where `make loadtest` keeps speech and pictures. */
const MEDIA = join(dirname(PREAU_BIN), '../loadtest-media')

/** Longer than any test. */
const SECONDS = 3_600

/** Who is in it; see `loadtest/src/scenario.rs`. */
interface Group {
  count: number
  sends?: ('microphone' | 'camera')[]
}

/** One process with some of them; ended with the test. */
export class Crowd {
  private constructor(private readonly pid: number) {}

  /** They enter by a guest link, and stay. */
  static enter(ground: Ground, link: string, { count, sends = [] }: Group): Crowd {
    if (!existsSync(LOADTEST_BIN)) throw new Error(`no load test at ${LOADTEST_BIN}: build it, or set LOADTEST_BIN`)
    const scenario = join(temporaryFolder('crowd'), 'crowd.toml')
    const lines = ['name = "crowd"', 'about = "A crowd."', `seconds = ${SECONDS}`, 'measures_joins = true']
    // Whoever neither sends nor hears anything is refused.
    lines.push('[[group]]', `count = ${count}`, `sends = ${JSON.stringify(sends)}`, 'voices = 1', 'joins_within = 2.0')
    writeFileSync(scenario, `${lines.join('\n')}\n`)
    const child = spawn(LOADTEST_BIN, ['run', scenario, '--quiet', '--link', link, '--media', MEDIA], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const end = (): void => void child.kill('SIGKILL')
    const forget = atExit(end)
    let said = ''
    for (const pipe of [child.stdout, child.stderr]) pipe.on('data', (data: Buffer) => (said += data.toString()))
    child.on('error', (error) => ground.note(`the load test: ${String(error)}`))
    child.on('exit', (code) => {
      forget()
      if (code !== null) ground.note(`the load test ended with ${code}: ${said.slice(-1000)}`)
    })
    ground.afterwards(end)
    if (child.pid === undefined) throw new Error('the load test does not run')
    return new Crowd(child.pid)
  }

  /** All of them stand still, as on machines of their own that do nothing: they use none of this one. */
  standStill(): void {
    process.kill(this.pid, 'SIGSTOP')
  }
}

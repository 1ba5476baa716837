// Synthetic participants in a room: the load test's, which share no code with the page or the server.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
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
  /** How many of others' they take in. */
  voices?: number
  cameras?: number
}

/** What those who have the link made of everybody's frames; see `loadtest/src/report/encryption.rs`. */
interface Opened {
  opened: number
  undecryptable: number
  in_clear: number
}

/** One process with some of them; ended with the test. */
export class Crowd {
  private constructor(private readonly pid: number) {}

  /** They enter by a guest link, and stay. */
  static enter(ground: Ground, link: string, group: Group): Crowd {
    const { child, said } = start(ground, link, group, SECONDS, [])
    child.on('exit', (code) => {
      if (code !== null) ground.note(`the load test ended with ${code}: ${said()}`)
    })
    if (child.pid === undefined) throw new Error('the load test does not run')
    return new Crowd(child.pid)
  }

  /** They enter an encrypted room by a guest link, stay for some seconds, and tell what they could open. */
  static async open(ground: Ground, link: string, group: Group, seconds: number): Promise<Opened> {
    const report = join(temporaryFolder('crowd'), 'report.json')
    const { child, said } = start(ground, link, group, seconds, ['--json', report])
    const [code] = (await once(child, 'exit')) as [number | null]
    if (code !== 0) throw new Error(`the load test ended with ${code}: ${said()}`)
    return (JSON.parse(readFileSync(report, 'utf8')) as { e2ee: Opened }).e2ee
  }

  /** All of them stand still, as on machines of their own that do nothing: they use none of this one. */
  standStill(): void {
    process.kill(this.pid, 'SIGSTOP')
  }
}

function start(
  ground: Ground,
  link: string,
  { count, sends = [], voices = 1, cameras = 0 }: Group,
  seconds: number,
  more: string[],
): { child: ChildProcess; said: () => string } {
  if (!existsSync(LOADTEST_BIN)) throw new Error(`no load test at ${LOADTEST_BIN}: build it, or set LOADTEST_BIN`)
  const scenario = join(temporaryFolder('crowd'), 'crowd.toml')
  const lines = ['name = "crowd"', 'about = "A crowd."', `seconds = ${seconds}`, 'measures_joins = true']
  // Whoever neither sends nor hears anything is refused.
  lines.push('[[group]]', `count = ${count}`, `sends = ${JSON.stringify(sends)}`, `voices = ${voices}`, `cameras = ${cameras}`, 'joins_within = 2.0')
  writeFileSync(scenario, `${lines.join('\n')}\n`)
  const child = spawn(LOADTEST_BIN, ['run', scenario, '--quiet', '--link', link, '--media', MEDIA, ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const end = (): void => void child.kill('SIGKILL')
  const forget = atExit(end)
  child.on('exit', forget)
  let said = ''
  for (const pipe of [child.stdout, child.stderr]) pipe.on('data', (data: Buffer) => (said += data.toString()))
  child.on('error', (error) => ground.note(`the load test: ${String(error)}`))
  ground.afterwards(end)
  return { child, said: () => said.slice(-1000) }
}

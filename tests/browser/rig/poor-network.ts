import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { atExit } from './cleanup.ts'
import { PREAU_BIN } from './server.ts'

/** Built beside the server. */
const PROGRAM = resolve(process.env['LINK_EMULATOR_BIN'] ?? join(dirname(PREAU_BIN), 'link-emulator'))

/** Packets of one direction; bytes count every header from IP up. */
export interface Count {
  packets: number
  bytes: number
  lost: number
}

/**
 * A network of its own for a server, behind a poor link (tests/link): what browsers of this
 * machine receive passes `out`, what they send passes `in`. A link reads like
 * `rates = [[0, 300]], delay_ms = 20, jitter_ms = 5, loss_percent = 1` (kbit/s, from second 0 on).
 */
export class PoorNetwork {
  /** Of the server. */
  readonly address: string
  /** Of this machine, as the server sees it. */
  readonly here: string
  /** What to put before a command so that it runs there. */
  readonly enter: string[]

  private constructor(
    readonly process: ChildProcess,
    private readonly lines: AsyncIterator<string>,
    first: { enter: string[]; near: string; far: string },
    private readonly forget: () => void,
  ) {
    this.enter = first.enter
    this.here = first.near
    this.address = first.far
  }

  /** Makes it; fails where the right to do so is missing. */
  static async create(links: { out?: string; in?: string } = {}): Promise<PoorNetwork> {
    if (!existsSync(PROGRAM)) throw new Error(`no link emulator at ${PROGRAM}: build it, or set LINK_EMULATOR_BIN`)
    const args = [`--out=${links.out ?? ''}`, `--in=${links.in ?? ''}`]
    const child = spawn(PROGRAM, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const forget = atExit(() => child.kill('SIGKILL'))
    const reader: Interface = createInterface({ input: child.stdout })
    const lines = reader[Symbol.asyncIterator]()
    const first = await lines.next()
    if (first.done === true) throw new Error('the link emulator ended')
    return new PoorNetwork(child, lines, JSON.parse(first.value) as { enter: string[]; near: string; far: string }, forget)
  }

  /** Changes a direction, from the next packet on. */
  async change(direction: 'out' | 'in', link: string): Promise<void> {
    await this.ask(`${direction} ${link}`)
  }

  /** What passed since it was made. */
  async counts(): Promise<{ out: Count; in: Count }> {
    return (await this.ask('counts')) as { out: Count; in: Count }
  }

  /** Takes it away, with whatever still runs there cut off. */
  remove(): void {
    this.forget()
    this.process.kill('SIGKILL')
  }

  private async ask(line: string): Promise<object> {
    this.process.stdin?.write(`${line}\n`)
    const next = await this.lines.next()
    if (next.done === true) throw new Error('the link emulator ended')
    const answer = JSON.parse(next.value) as { error?: string }
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer
  }
}

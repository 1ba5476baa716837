import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { atExit, temporaryFolder } from './cleanup.ts'
import { cpuSeconds } from './processes.ts'
import { until, within } from './until.ts'

/** The binary under test. */
export const PREAU_BIN = resolve(process.env['PREAU_BIN'] ?? new URL('../../../target/debug/preau', import.meta.url).pathname)

/** Far more than a start takes. */
const START_MS = 30_000

/** The promise is three seconds; one more for a busy machine. */
const STOP_MS = 4_000

/** Keys of the configuration a test may set. */
export interface ServerOptions {
  /** Most participants of a room. */
  maxParticipants?: number
  /** Codec of cameras. */
  cameraCodec?: 'vp8' | 'vp9' | 'av1'
  /** Only holders of a host pass make rooms. */
  hostPassRequired?: boolean
  /** Minutes for which meetings may go on after SIGTERM. */
  drainMax?: number
  /** Meetings may be recorded. */
  recording?: boolean
  /** Public key that incident reports are sealed to. */
  incidentRecipient?: string
  /** How much is logged; everything when absent. */
  logLevel?: 'info'
  /** Runs the server behind the words that enter a network namespace, reachable at this address.
   * `publish` leads a port of a router before it to these of the server, and gives its number. */
  namespace?: {
    enter: readonly string[]
    address: string
    lastingAddress?: string
    publish?: (ports: { https: number; media: number }) => number
  }
  /** Where browsers are told to send media, as it stands in the configuration. */
  publicAddresses?: readonly string[]
  /** Where browsers reach its pages and send media, when something stands before it. */
  before?: { origin: string; address: string }
}

/** Who answers for the servers of the tests. */
export const CONTROLLER = {
  name: 'Collège des Tilleuls',
  address: '3 place du Marché, 59000 Lille',
  dpo: 'dpd@tilleuls.example',
  support: 'assistance@tilleuls.example',
  hosting_company: 'Rectorat de Lille',
  hosting_country: 'FR',
}

interface Ports {
  http: number
  https: number
  media: number
  metrics: number
}

/** One `preau serve` process with a data folder of its own. */
export class PreauServer {
  /** Texts that must never stand in the log. */
  readonly #forbidden = new Set<string>()
  readonly #folder = temporaryFolder('server')
  /** Port of the pages, as browsers of other machines see it. */
  readonly #door: number
  #process: ChildProcess | null = null
  #log = ''

  private constructor(
    readonly ports: Ports,
    private readonly options: ServerOptions,
  ) {
    this.#door = options.namespace?.publish?.(ports) ?? ports.https
  }

  /** Starts a server on free ports and waits until it answers. */
  static async start(options: ServerOptions = {}): Promise<PreauServer> {
    if (!existsSync(PREAU_BIN)) throw new Error(`no server at ${PREAU_BIN}: build it, or set PREAU_BIN`)
    const http = await freePort(isTcpFree)
    const https = await freePort(isTcpFree)
    const metrics = await freePort(isTcpFree)
    const media = await freePort(isUdpFree)
    const server = new PreauServer({ http, https, media, metrics }, options)
    server.configure()
    await server.run()
    return server
  }

  /** Where pages of this machine reach it. */
  get origin(): string {
    return `http://localhost:${this.ports.http}`
  }

  /** Where other devices would reach it. */
  get httpsOrigin(): string {
    const address = this.options.namespace?.address ?? 'localhost'
    return new URL(`https://${address.includes(':') ? `[${address}]` : address}:${this.#door}`).origin
  }

  /** Where it keeps what it keeps. */
  get dataFolder(): string {
    return join(this.#folder, 'data')
  }

  /** Certificate of its own authority. */
  get authority(): string {
    return join(this.dataFolder, 'tls', 'authority.crt')
  }

  /** Where an administrator reads its figures. */
  get metrics(): string {
    return `http://127.0.0.1:${this.ports.metrics}/metrics`
  }

  get pid(): number {
    const pid = this.#process?.pid
    if (pid === undefined) throw new Error('the server does not run')
    return pid
  }

  get log(): string {
    return this.#log
  }

  /** Says that `text` is personal or secret: the log must not hold it. */
  forbidInLog(text: string): void {
    if (text.length >= 4) this.#forbidden.add(text)
  }

  /** Stops in order (SIGTERM) and starts again with the same data and ports. */
  async restart(): Promise<void> {
    await this.stop()
    await this.run()
  }

  /** Starts again after `stop` or `kill`. */
  async run(): Promise<void> {
    const serve = ['serve', '--config', join(this.#folder, 'preau.toml')]
    const namespace = this.options.namespace
    const [command = '', ...args] = [...(namespace?.enter ?? []), PREAU_BIN, ...serve]
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.#folder })
    this.#process = child
    const forget = atExit(() => child.kill('SIGKILL'))
    child.on('exit', forget)
    child.on('error', (error) => (this.#log += `\n${String(error)}\n`))
    for (const pipe of [child.stdout, child.stderr]) {
      pipe.setEncoding('utf8')
      pipe.on('data', (text: string) => (this.#log += text))
    }
    const ended = new Promise<never>((_, fail) => {
      child.once('exit', (code) => fail(new Error(`the server ended with ${code}:\n${this.#log.slice(-3000)}`)))
    })
    const ready = until('the server answers', async () => {
      if (namespace !== undefined) return reachable(namespace.address, this.#door)
      const answer = await fetch(`${this.origin}/healthz`)
      return answer.ok
    }, START_MS)
    ended.catch(() => undefined)
    ready.catch(() => undefined)
    await Promise.race([ready, ended])
  }

  /** Lets meetings finish before the process ends (SIGTERM), where that is configured. */
  drain(): void {
    process.kill(this.pid, 'SIGTERM')
  }

  /** Asks the process to end (SIGTERM) and gives the time it took. */
  async stop(): Promise<number> {
    return this.end('SIGTERM')
  }

  /** Ends the process without warning. */
  async kill(): Promise<void> {
    await this.end('SIGKILL')
  }

  /** Processor time used so far, in seconds. */
  cpuSeconds(): number {
    return cpuSeconds(this.pid)
  }

  /** Memory in use, in bytes. */
  residentBytes(): number {
    const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))
    return Number(line?.[1]) * 1024
  }

  /** Personal data and secrets found in the log; empty when all is well. */
  leaks(): string[] {
    const found = [...this.#forbidden].filter((text) => this.#log.includes(text)).map((text) => `"${text}"`)
    // A browser's address always comes with its port, which is none of the server's own.
    const own = new Set([...Object.values(this.ports), this.#door].map(String))
    for (const [pair, port] of this.#log.matchAll(/(?:\d{1,3}\.){3}\d{1,3}:(\d{2,5})/g)) {
      if (port !== undefined && !own.has(port)) found.push(`address ${pair}`)
    }
    return [...new Set(found)]
  }

  private async end(signal: NodeJS.Signals): Promise<number> {
    const child = this.#process
    this.#process = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return 0
    const began = performance.now()
    const ended = new Promise<void>((done) => child.once('exit', () => done()))
    child.kill(signal)
    try {
      await within(`the server ends after ${signal}`, STOP_MS, ended)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
    return performance.now() - began
  }

  private configure(): void {
    const { http, https, media, metrics } = this.ports
    const lines = [
      `data_dir = "${join(this.#folder, 'data')}"`,
      `log_level = "${this.options.logLevel ?? 'debug'}"`,
      `http_port = ${http}`,
      `https_port = ${https}`,
      `media_port = ${media}`,
      `metrics_port = ${metrics}`,
    ]
    // Elsewhere the server finds its addresses itself: Firefox has no path to a loopback address.
    const { address, lastingAddress, publish } = this.options.namespace ?? {}
    const router = publish === undefined ? undefined : { origin: this.httpsOrigin, address: `${address}:${this.#door}` }
    const before = this.options.before ?? router
    const reached = before === undefined ? [address, lastingAddress] : [before.address]
    const addresses = this.options.publicAddresses ?? reached.filter((one) => one !== undefined)
    if (before !== undefined) lines.push(`share_origin = "${before.origin}"`)
    if (addresses.length > 0) lines.push(`public_addresses = ${JSON.stringify(addresses)}`)
    if (this.options.maxParticipants !== undefined) lines.push(`max_participants = ${this.options.maxParticipants}`)
    if (this.options.cameraCodec !== undefined) lines.push(`camera_codec = "${this.options.cameraCodec}"`)
    if (this.options.incidentRecipient !== undefined) lines.push(`incident_recipient = "${this.options.incidentRecipient}"`)
    if (this.options.drainMax !== undefined) lines.push(`drain_max = ${this.options.drainMax}`)
    if (this.options.hostPassRequired === true) lines.push('host_pass_required = true')
    lines.push('[controller]', ...Object.entries(CONTROLLER).map(([key, value]) => `${key} = "${value}"`))
    // A block of its own: keys of no block stand before it.
    if (this.options.recording === true) lines.push('[recording]', 'enabled = true')
    writeFileSync(join(this.#folder, 'preau.toml'), `${lines.join('\n')}\n`)
  }
}

/** Ports that no connection gets by chance: those are higher. */
const PORTS = { first: 10_000, count: 20_000 }

/** Given out by this process, to two servers never the same. */
const given = new Set<number>()

/** A port nobody uses now. */
async function freePort(isFree: (port: number) => Promise<boolean>): Promise<number> {
  return until('a free port', async () => {
    const port = PORTS.first + randomInt(PORTS.count)
    if (given.has(port)) return false
    given.add(port)
    return (await isFree(port)) && port
  })
}

function isTcpFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen(port, () => server.close(() => done(true)))
  })
}

function isUdpFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = createSocket('udp6')
    socket.once('error', () => done(false))
    socket.bind(port, () => socket.close(() => done(true)))
  })
}

async function reachable(host: string, port: number): Promise<boolean> {
  const { connect } = await import('node:net')
  return new Promise((done) => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
}

import { createServer, request as ask, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import WebSocket, { WebSocketServer } from 'ws'
import type { Ground } from './rule.ts'

/** A message between a page and its server, as it stands in the protocol. */
export interface Message {
  type: string
  [field: string]: unknown
}

/** Somebody behind it, whatever lines they come by. */
interface Behind {
  participant: unknown
  line: WebSocket
  /** All that the honest server said to them since they joined. */
  readonly heard: Message[]
  /** All that they said since then. */
  readonly asked: Message[]
}

/**
 * A server that lies to the pages behind it and to nobody else: it stands in front of an honest one, hands
 * on pages and files as they are, and changes what that one says as a test wants it.
 */
export class RogueServer {
  /** What a page hears in place of what the honest server said; pages by number, in the order in which they joined
   * first. */
  alter: (said: Message, page: number) => readonly Message[] = (said) => [said]
  /** What a page is answered at once, without the honest server; `null` hands the message on. */
  answer: (asked: Message) => Promise<Message> | null = () => null
  readonly pages: Behind[] = []
  readonly #server: Server
  readonly #sockets = new WebSocketServer({ noServer: true })

  private constructor(private readonly target: number) {
    this.#server = createServer((asked, answer) => this.#handOn(asked, answer))
    this.#server.on('upgrade', (asked, socket, head) => this.#open(asked, socket, head))
  }

  /** Opens one in front of the server at this port of this machine. */
  static async open(ground: Ground, target: number): Promise<RogueServer> {
    const rogue = new RogueServer(target)
    await new Promise<void>((resolve, reject) => {
      rogue.#server.once('error', reject)
      rogue.#server.listen(0, '127.0.0.1', resolve)
    })
    ground.afterwards(() => {
      rogue.cut()
      rogue.#server.closeAllConnections()
      rogue.#server.close()
    })
    return rogue
  }

  /** Where its pages are. */
  get origin(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return `http://localhost:${address.port}`
  }

  /** Says something of its own to every page, or to one. */
  say(message: Message, page?: number): void {
    const pages = page === undefined ? this.pages : this.pages.slice(page, page + 1)
    for (const { line } of pages) if (line.readyState === WebSocket.OPEN) line.send(JSON.stringify(message))
  }

  /** Breaks every line. */
  cut(): void {
    for (const line of this.#sockets.clients) line.terminate()
  }

  #handOn(asked: IncomingMessage, answer: ServerResponse): void {
    const { method, url, headers } = asked
    const onward = ask({ port: this.target, host: '127.0.0.1', method, path: url, headers }, (honest) => {
      answer.writeHead(honest.statusCode ?? 502, honest.headers)
      honest.pipe(answer)
    })
    onward.on('error', () => answer.destroy())
    asked.pipe(onward)
  }

  #open(asked: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { origin, host } = asked.headers
    const honest = new WebSocket(`ws://127.0.0.1:${this.target}${asked.url ?? ''}`, { headers: { origin, host } })
    honest.on('error', () => socket.destroy())
    honest.once('open', () => {
      this.#sockets.handleUpgrade(asked, socket, head, (near) => this.#stand(near, honest))
    })
  }

  #stand(near: WebSocket, honest: WebSocket): void {
    let page: Behind = { participant: null, line: near, heard: [], asked: [] }
    honest.on('message', (data) => {
      const said = JSON.parse(String(data)) as Message
      if (said.type === 'joined') page = this.#behind(said['participant'], page)
      page.heard.push(said)
      for (const message of this.alter(said, this.pages.indexOf(page))) near.send(JSON.stringify(message))
    })
    near.on('message', (data) => {
      const asked = JSON.parse(String(data)) as Message
      page.asked.push(asked)
      const answer = this.answer(asked)
      if (answer === null) honest.send(String(data))
      else void answer.then((message) => near.send(JSON.stringify(message)))
    })
    for (const [one, other] of [
      [near, honest],
      [honest, near],
    ] as const) {
      one.on('error', () => other.terminate())
      one.on('close', () => other.close())
    }
  }

  /** Who comes by a new line is who they were. */
  #behind(participant: unknown, page: Behind): Behind {
    const known = this.pages.find((one) => one.participant === participant)
    if (known !== undefined) return Object.assign(known, { line: page.line })
    page.participant = participant
    this.pages.push(page)
    return page
  }
}

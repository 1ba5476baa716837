// A session that only tests the connection: one WebSocket, one `probe` instead of `join`.

import { parse, RequestError } from './connection'
import type { ClientMessage, ServerMessage } from './generated'

/** What the server answers to the offer of a test. */
export type ProbeAnswer = Extract<ServerMessage, { type: 'answer' }>

/** An open session for one test. Every method rejects with `RequestError` only. */
export class ProbeSession {
  private readonly heard: ServerMessage[] = []
  private waiting: (() => void) | null = null
  private ended = false

  private constructor(private readonly socket: WebSocket) {
    socket.addEventListener('message', ({ data }) => {
      const message = typeof data === 'string' ? parse(data) : null
      if (message !== null && this.heard.length < MAX_HEARD) this.heard.push(message)
      this.waiting?.()
    })
    socket.addEventListener('close', () => {
      this.ended = true
      this.waiting?.()
    })
  }

  /** Opens it; rejects when the socket does not open in time. */
  static open(url: string): Promise<ProbeSession> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url)
      const session = new ProbeSession(socket)
      const fail = () => {
        clearTimeout(timer)
        socket.close()
        reject(new RequestError('lost'))
      }
      const timer = setTimeout(fail, OPEN_TIMEOUT_MS)
      socket.addEventListener('error', fail)
      socket.addEventListener('open', () => {
        clearTimeout(timer)
        resolve(session)
      })
    })
  }

  /** Offers, once, and gives the answer. */
  async offer(sdp: string): Promise<ProbeAnswer> {
    this.say({ type: 'probe', requestId: 1, sdp })
    const answer = await this.hear()
    if (answer.type === 'answer') return answer
    throw new RequestError(answer.type === 'error' ? answer.code : 'lost')
  }

  /** Round trip of a message, in milliseconds. Only after `offer`. */
  async ping(): Promise<number> {
    const began = performance.now()
    this.say({ type: 'ping' })
    if ((await this.hear()).type !== 'pong') throw new RequestError('lost')
    return performance.now() - began
  }

  /** Ends the session; the server lets go of what it held for it. */
  close(): void {
    this.socket.close()
  }

  private say(message: ClientMessage): void {
    this.socket.send(JSON.stringify(message))
  }

  private async hear(): Promise<ServerMessage> {
    const deadline = performance.now() + ANSWER_TIMEOUT_MS
    for (;;) {
      const message = this.heard.shift()
      if (message !== undefined) return message
      const left = deadline - performance.now()
      if (this.ended || left <= 0) throw new RequestError('lost')
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.waiting = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

/** Lower: gives up on slow networks. Higher: a blocked one is told later. */
const OPEN_TIMEOUT_MS = 8_000
/** Lower: gives up on a loaded server. Higher: a line that went dead is told later. */
const ANSWER_TIMEOUT_MS = 5_000
/** Messages kept; a test hears two. */
const MAX_HEARD = 16

import WebSocket from 'ws'
import { proofOf, type RoomLinks } from './link.ts'
import { within } from './until.ts'

/** Silence the server tolerates is about 25 s; a bot speaks well before. */
const PING_MS = 8_000

/** A participant without a browser and without media: it joins and stays, and notes what it is told. */
export class Bot {
  /** Types of the messages heard, with when each came. */
  readonly heard: { type: string; at: number }[] = []

  private constructor(
    private readonly socket: WebSocket,
    private readonly pinger: NodeJS.Timeout,
  ) {
    socket.on('message', (data) => {
      const { type } = JSON.parse(String(data)) as { type: string }
      this.heard.push({ type, at: performance.now() })
    })
  }

  /** Joins as a guest under `displayName`. */
  static async join(origin: string, links: RoomLinks, displayName: string): Promise<Bot> {
    const answer = await firstAnswer(origin, {
      type: 'join',
      protocolVersion: 2,
      room: links.room,
      proof: proofOf(links.guestSecret),
      resume: null,
      displayName,
    })
    if (answer.message['type'] !== 'joined') {
      answer.socket.terminate()
      throw new Error(`bot was refused: ${String(answer.message['code'])}`)
    }
    const pinger = setInterval(() => answer.socket.send('{"type":"ping"}'), PING_MS)
    pinger.unref()
    return new Bot(answer.socket, pinger)
  }

  leave(): void {
    clearInterval(this.pinger)
    this.socket.terminate()
  }
}

/** Opens a session, says `message` and gives the first answer with the time it took. */
export async function firstAnswer(
  origin: string,
  message: object,
): Promise<{ socket: WebSocket; message: Record<string, unknown>; delayMs: number }> {
  const socket = new WebSocket(`${origin.replace(/^http/, 'ws')}/api/session`, { origin, rejectUnauthorized: false })
  const began = { at: 0 }
  const answer = new Promise<Record<string, unknown>>((resolve, reject) => {
    socket.once('open', () => {
      began.at = performance.now()
      socket.send(JSON.stringify(message))
    })
    socket.once('message', (data) => resolve(JSON.parse(String(data)) as Record<string, unknown>))
    socket.once('error', reject)
    socket.once('close', (code) => reject(new Error(`closed with ${code}`)))
  })
  const first = await within('the server answers', 10_000, answer)
  return { socket, message: first, delayMs: performance.now() - began.at }
}

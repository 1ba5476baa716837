// The one WebSocket of a page: opens it again when it drops, pairs requests with their answers,
// and is the one place that parses what the server says.

import type { ClientMessage, ErrorCode, ServerMessage } from './generated'

/** A request before the connection numbers it. */
export type Request = DistributiveOmit<Extract<ClientMessage, { requestId: number }>, 'requestId'>
/** The good answer to a request. */
export type Answer = Extract<ServerMessage, { type: 'answer' | 'done' | 'known' | 'recording_answered' }>
/** The first message of a session. */
export type Join = Extract<ClientMessage, { type: 'join' }>

/** Why a request has no good answer: the server's code, or `lost` with the socket. */
export class RequestError extends Error {
  constructor(readonly code: ErrorCode | 'lost') {
    super(code)
  }
}

/** What a connection tells. None of these may throw. */
export interface ConnectionEvents {
  /** The socket is open: what to say first. */
  join(): Join
  /** Everything heard that is not the answer to a request. */
  handleMessage(message: ServerMessage): void
  /** The socket closed or could not open; another attempt follows unless `close` is called.
   * `attempts` counts those since the last `joined`. */
  handleLost(attempts: number): void
}

/** Opens, keeps open, and says. */
export class Connection {
  private socket: WebSocket | null = null
  private joined = false
  private closed = false
  private attempts = 0
  private nextRequest = 1
  private readonly waiting = new Map<number, (outcome: Answer | RequestError) => void>()
  private retryTimer: Timer | undefined
  private openTimer: Timer | undefined
  private pingTimer: Timer | undefined
  private silenceTimer: Timer | undefined
  private checkTimer: Timer | undefined
  /** When the last `join` or `ping` was sent, and how long its answer took. */
  private askedAt = 0
  private lastRoundTrip: number | null = null

  constructor(
    private readonly url: string,
    private readonly events: ConnectionEvents,
    private readonly random: () => number = Math.random,
  ) {}

  /** Starts trying; goes on until `close`. */
  open(): void {
    if (this.closed || this.socket !== null) return
    clearTimeout(this.retryTimer)
    const socket = new WebSocket(this.url)
    this.socket = socket
    socket.addEventListener('open', () => {
      if (this.socket !== socket) return
      clearTimeout(this.openTimer)
      this.askedAt = performance.now()
      this.send(this.events.join())
      this.pingTimer = setInterval(() => {
        this.ping()
      }, PING_EVERY_MS)
      this.heard()
    })
    socket.addEventListener('message', (event) => {
      if (this.socket === socket) this.receive(event.data)
    })
    socket.addEventListener('close', () => {
      if (this.socket === socket) this.drop()
    })
    this.openTimer = setTimeout(() => {
      this.drop()
    }, OPEN_TIMEOUT_MS)
  }

  /** The network may have changed: tries at once instead of at the end of the present pause, and
   * gives a line up that does not answer at once. */
  check(): void {
    if (this.socket === null) this.open()
    else if (this.joined && this.checkTimer === undefined) {
      this.ping()
      const patience = CHECK_ROUND_TRIPS * (this.lastRoundTrip ?? LONGEST_CHECK_MS)
      this.checkTimer = setTimeout(
        () => {
          this.drop()
          this.open()
        },
        Math.min(Math.max(patience, SHORTEST_CHECK_MS), LONGEST_CHECK_MS),
      )
    }
  }

  /** Milliseconds the last answer took; `null` before the first. */
  get roundTrip(): number | null {
    return this.lastRoundTrip
  }

  /** Asks, and resolves with the answer. Rejects with `RequestError` only. */
  request(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (!this.joined || this.waiting.size >= MAX_WAITING) {
        reject(new RequestError('lost'))
        return
      }
      const requestId = this.nextRequest++
      const timer = setTimeout(() => {
        settle(new RequestError('lost'))
      }, ANSWER_TIMEOUT_MS)
      const settle = (outcome: Answer | RequestError): void => {
        clearTimeout(timer)
        this.waiting.delete(requestId)
        if (outcome instanceof RequestError) reject(outcome)
        else resolve(outcome)
      }
      this.waiting.set(requestId, settle)
      this.send({ ...request, requestId })
    })
  }

  /** Ends for good. `leave` first says so to the server, whose token dies with it. */
  close(how: 'leave' | 'silent'): void {
    if (this.closed) return
    this.closed = true
    if (how === 'leave' && this.joined) this.send({ type: 'leave' })
    this.release()
  }

  private receive(data: unknown): void {
    this.heard()
    const message = typeof data === 'string' ? parse(data) : null
    if (message === null) return
    switch (message.type) {
      case 'pong':
        this.lastRoundTrip = performance.now() - this.askedAt
        return
      case 'answer':
      case 'done':
      case 'known':
      case 'recording_answered':
        this.waiting.get(message.requestId)?.(message)
        return
      case 'error':
        if (message.requestId === null || message.fatal) this.events.handleMessage(message)
        else this.waiting.get(message.requestId)?.(new RequestError(message.code))
        return
      case 'joined':
      case 'waiting':
        this.joined = true
        this.attempts = 0
        this.lastRoundTrip = performance.now() - this.askedAt
        break
      default:
        // The rest is for the call.
    }
    this.events.handleMessage(message)
  }

  /** Something came: the line lives. */
  private heard(): void {
    clearTimeout(this.checkTimer)
    this.checkTimer = undefined
    clearTimeout(this.silenceTimer)
    this.silenceTimer = setTimeout(() => {
      this.drop()
    }, SILENCE_LIMIT_MS)
  }

  private ping(): void {
    this.askedAt = performance.now()
    this.send({ type: 'ping' })
  }

  private send(message: ClientMessage): void {
    const socket = this.socket
    if (socket?.readyState !== WebSocket.OPEN) return
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) this.drop()
    else socket.send(JSON.stringify(message))
  }

  /** The socket is of no use any more; plans the next attempt. */
  private drop(): void {
    this.release()
    if (this.closed) return
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.attempts, LONGEST_PAUSE_MS)
    this.attempts += 1
    this.retryTimer = setTimeout(
      () => {
        this.open()
      },
      pause * (0.5 + this.random() / 2),
    )
    this.events.handleLost(this.attempts)
  }

  private release(): void {
    const socket = this.socket
    this.socket = null
    this.joined = false
    for (const timer of [this.retryTimer, this.openTimer, this.silenceTimer, this.checkTimer]) clearTimeout(timer)
    this.checkTimer = undefined
    clearInterval(this.pingTimer)
    socket?.close()
    for (const settle of [...this.waiting.values()]) settle(new RequestError('lost'))
  }
}

type Timer = ReturnType<typeof setTimeout>
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/** `null` for what is not a message, and for types this page does not know yet: a page left open
 * survives an update of the server. */
export function parse(text: string): ServerMessage | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('type' in value)) return null
    return KNOWN_TYPES.has(value.type) ? (value as ServerMessage) : null
  } catch {
    return null
  }
}

const TYPES: Record<ServerMessage['type'], true> = {
  joined: true,
  answer: true,
  done: true,
  error: true,
  participant_joined: true,
  participant_left: true,
  participant_away: true,
  participant_renamed: true,
  track_changed: true,
  layers_wanted: true,
  offer_wanted: true,
  speakers: true,
  slots_paused: true,
  slots_unplayable: true,
  quality_changed: true,
  waiting: true,
  waiting_changed: true,
  rules_changed: true,
  granted_changed: true,
  source_stopped: true,
  invited: true,
  role_changed: true,
  link_rotated: true,
  hands_changed: true,
  reacted: true,
  opinions_changed: true,
  timer_changed: true,
  spotlight_changed: true,
  chatted: true,
  announced: true,
  poll_changed: true,
  poll_closed: true,
  groups_changed: true,
  help_called: true,
  recording_changed: true,
  answers_changed: true,
  recording_answered: true,
  known: true,
  mls_wanted: true,
  mls_committed: true,
  mls_welcome: true,
  mls_all_ready: true,
  mls_lost: true,
  mls_said: true,
  mls_admission_asked: true,
  mls_admission: true,
  mls_poll_opened: true,
  mls_ballots_counted: true,
  mls_ballots: true,
  mls_poll_closed: true,
  restart_announced: true,
  goodbye: true,
  pong: true,
}
const KNOWN_TYPES: ReadonlySet<unknown> = new Set(Object.keys(TYPES))

/** First pause before another attempt; doubled each time. Longer: slower back after a blip. */
const FIRST_PAUSE_MS = 300
/** Longest pause. Longer: gentler on a server that restarts under many pages, slower back. */
const LONGEST_PAUSE_MS = 5_000
/** Lower: gives up on slow networks. Higher: hangs longer on dead ones. */
const OPEN_TIMEOUT_MS = 10_000
/** Both sides give up after 25 s of silence, so one ping may be late. */
const PING_EVERY_MS = 10_000
/** Silence after which the line is taken for dead. Lower: drops on short freezes. */
const SILENCE_LIMIT_MS = 25_000
/** Round trips a line in doubt has for its answer. Lower: one lost packet cuts it. */
const CHECK_ROUND_TRIPS = 4
/** Lower: a busy page or server gets its line cut. Higher: slower on a new network. */
const SHORTEST_CHECK_MS = 200
/** Higher: slower on a new network after a slow one. */
const LONGEST_CHECK_MS = 2_000
/** Lower: gives up on a loaded server. Higher: a lost answer blocks its caller longer. */
const ANSWER_TIMEOUT_MS = 15_000
/** Requests awaiting answers. Callers keep one or two; more means a runaway. */
const MAX_WAITING = 64
/** Bytes the browser may hold unsent. Higher: a stalled line is noticed later. */
const MAX_BUFFERED_BYTES = 1 << 20

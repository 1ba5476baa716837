import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Connection, type Join, parse, RequestError } from './connection'
import type { ServerMessage } from './generated'
import { QUIET_ROOM } from './samples'

const JOIN: Join = {
  type: 'join',
  protocolVersion: 2,
  room: 'r',
  proof: 'p',
  handle: null,
  resume: null,
  delegation: null,
  displayName: null,
  language: 'fr',
  memberKey: null,
  sealedName: null,
}
const JOINED: ServerMessage = {
  type: 'joined',
  participant: 'AAAAAAAAAAA',
  displayName: 'A',
  role: 'guest',
  resumed: false,
  resume: 't',
  participants: [],
  ...QUIET_ROOM,
}

/** Stands in for the browser's socket; the test plays the server. */
class FakeSocket extends EventTarget {
  static readonly OPEN = 1
  static made: FakeSocket[] = []
  readyState = 0
  bufferedAmount = 0
  readonly sent: { type: string; requestId?: number }[] = []

  constructor(readonly url: string) {
    super()
    FakeSocket.made.push(this)
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as { type: string })
  }

  close(): void {
    this.readyState = 3
  }

  accept(): void {
    this.readyState = 1
    this.dispatchEvent(new Event('open'))
  }

  say(message: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(message) }))
  }

  vanish(): void {
    this.readyState = 3
    this.dispatchEvent(new Event('close'))
  }
}

const last = (): FakeSocket => {
  const socket = FakeSocket.made.at(-1)
  if (socket === undefined) throw new Error('no socket was made')
  return socket
}

describe('a connection', () => {
  let messages: ServerMessage[]
  let lost: number[]
  let connection: Connection

  beforeEach(() => {
    vi.useFakeTimers()
    vi.stubGlobal('WebSocket', FakeSocket)
    FakeSocket.made = []
    messages = []
    lost = []
    connection = new Connection(
      'wss://ecole.example/api/session',
      {
        join: () => JOIN,
        handleMessage: (message) => messages.push(message),
        handleLost: (attempts) => lost.push(attempts),
      },
      () => 1,
    )
    connection.open()
  })

  afterEach(() => {
    connection.close('silent')
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  const join = (): FakeSocket => {
    last().accept()
    last().say(JOINED)
    return last()
  }

  it('says join first, and nothing else before joined', async () => {
    last().accept()
    await expect(connection.request({ type: 'rename', displayName: 'B' })).rejects.toThrow('lost')
    expect(last().sent).toEqual([JOIN])
  })

  it('pairs answers with requests in any order', async () => {
    const socket = join()
    const rename = connection.request({ type: 'rename', displayName: 'B' })
    const offer = connection.request({ type: 'offer', sdp: 'v=0', publish: [] })
    const [, first, second] = socket.sent
    socket.say({ type: 'answer', requestId: second?.requestId, sdp: 'yes' })
    socket.say({ type: 'error', requestId: first?.requestId, code: 'name_invalid', fatal: false })
    await expect(offer).resolves.toMatchObject({ sdp: 'yes' })
    await expect(rename).rejects.toEqual(new RequestError('name_invalid'))
    expect(messages.map(({ type }) => type)).toEqual(['joined'])
  })

  it('hands errors of no request, and fatal ones, on', () => {
    const socket = join()
    socket.say({ type: 'error', requestId: null, code: 'rate_limited', fatal: false })
    socket.say({ type: 'error', requestId: 7, code: 'malformed', fatal: true })
    expect(messages.slice(1)).toMatchObject([{ code: 'rate_limited' }, { code: 'malformed' }])
  })

  it('tries again with growing pauses, up to five seconds', () => {
    const pauses: number[] = []
    for (let i = 0; i < 7; i++) {
      const made = FakeSocket.made.length
      last().vanish()
      let waited = 0
      while (FakeSocket.made.length === made) {
        vi.advanceTimersByTime(100)
        waited += 100
      }
      pauses.push(waited)
    }
    expect(pauses).toEqual([300, 600, 1200, 2400, 4800, 5000, 5000])
    expect(lost).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  it('begins with a short pause again after it was in', () => {
    for (let i = 0; i < 4; i++) {
      last().vanish()
      vi.advanceTimersByTime(5000)
    }
    join()
    last().vanish()
    const made = FakeSocket.made.length
    vi.advanceTimersByTime(300)
    expect(FakeSocket.made.length).toBe(made + 1)
    expect(lost.at(-1)).toBe(1)
  })

  it('rejects what awaits an answer when it drops', async () => {
    const socket = join()
    const asked = connection.request({ type: 'rename', displayName: 'B' })
    socket.vanish()
    await expect(asked).rejects.toEqual(new RequestError('lost'))
  })

  it('rejects a request that is never answered', async () => {
    join()
    const asked = expect(connection.request({ type: 'rename', displayName: 'B' })).rejects.toThrow('lost')
    vi.advanceTimersByTime(15_000)
    await asked
  })

  it('bounds what awaits an answer', async () => {
    join()
    const asked = Array.from({ length: 70 }, () =>
      connection.request({ type: 'rename', displayName: 'B' }).catch((error: unknown) => error),
    )
    expect(last().sent.filter(({ type }) => type === 'rename')).toHaveLength(64)
    last().vanish()
    expect((await Promise.all(asked)).every((error) => error instanceof RequestError)).toBe(true)
  })

  it('asks every ten seconds whether the server still hears', () => {
    const socket = join()
    for (let i = 0; i < 6; i++) {
      vi.advanceTimersByTime(10_000)
      socket.say({ type: 'pong' })
    }
    expect(socket.sent.filter(({ type }) => type === 'ping')).toHaveLength(6)
    expect(FakeSocket.made).toHaveLength(1)
  })

  it('gives a silent line up after 25 seconds', () => {
    join()
    vi.advanceTimersByTime(24_900)
    expect(lost).toEqual([])
    vi.advanceTimersByTime(200)
    expect(lost).toEqual([1])
  })

  it('gives a socket up that does not open', () => {
    vi.advanceTimersByTime(10_000)
    expect(lost).toEqual([1])
  })

  it('hurries when the network is back', () => {
    for (let i = 0; i < 6; i++) {
      last().vanish()
      vi.advanceTimersByTime(i < 5 ? 5000 : 0)
    }
    const made = FakeSocket.made.length
    connection.check()
    connection.check()
    expect(FakeSocket.made.length).toBe(made + 1)
  })

  it('replaces a line in doubt that does not answer at once', () => {
    const socket = join()
    connection.check()
    connection.check()
    expect(socket.sent.filter(({ type }) => type === 'ping')).toHaveLength(1)
    vi.advanceTimersByTime(199)
    expect(FakeSocket.made).toHaveLength(1)
    vi.advanceTimersByTime(2_000)
    expect(lost).toEqual([1])
    expect(FakeSocket.made).toHaveLength(2)
  })

  it('keeps a line in doubt that answers', () => {
    const socket = join()
    connection.check()
    vi.advanceTimersByTime(100)
    socket.say({ type: 'pong' })
    expect(connection.roundTrip).toBe(100)
    vi.advanceTimersByTime(5_000)
    expect(FakeSocket.made).toHaveLength(1)
    expect(lost).toEqual([])
  })

  it('has more patience with a line that is slow', () => {
    const socket = join()
    connection.check()
    vi.advanceTimersByTime(190)
    socket.say({ type: 'pong' })
    connection.check()
    vi.advanceTimersByTime(700)
    expect(FakeSocket.made).toHaveLength(1)
    vi.advanceTimersByTime(100)
    expect(FakeSocket.made).toHaveLength(2)
  })

  it('says leave, closes, and does not come back', () => {
    const socket = join()
    connection.close('leave')
    expect(socket.sent.at(-1)).toEqual({ type: 'leave' })
    expect(socket.readyState).toBe(3)
    vi.advanceTimersByTime(60_000)
    expect(FakeSocket.made).toHaveLength(1)
    expect(lost).toEqual([])
  })

  it('ignores what an earlier socket still says', () => {
    const old = join()
    old.vanish()
    vi.advanceTimersByTime(5000)
    old.say(JOINED)
    expect(messages).toHaveLength(1)
  })

  it('drops a line that takes nothing any more', () => {
    const socket = join()
    socket.bufferedAmount = 2 << 20
    vi.advanceTimersByTime(10_000)
    expect(lost).toEqual([1])
  })
})

describe('parsing', () => {
  it.each(['', 'nonsense', '[]', 'null', '3', '{}', '{"type":3}', '{"type":"of_the_future","x":1}'])(
    'ignores %s',
    (text) => {
      expect(parse(text)).toBeNull()
    },
  )
})

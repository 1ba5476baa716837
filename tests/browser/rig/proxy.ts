import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * A TCP road between browsers and the server that a test can cut and mend. Datagrams of media do
 * not pass here, so a cut is a cut of signaling alone.
 */
export class CutableRoad {
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isCut = false

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
  }

  /** Opens a road on a free loopback port towards `targetPort` on the same host. */
  static async open(targetPort: number): Promise<CutableRoad> {
    let road: CutableRoad | undefined
    const server = createServer((near) => road?.carry(near, targetPort))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    road = new CutableRoad(server, address.port)
    return road
  }

  /** Breaks every connection and refuses new ones. */
  cut(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.resetAndDestroy()
    this.#sockets.clear()
  }

  /** Lets connections pass again. */
  mend(): void {
    this.#isCut = false
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  private carry(near: Socket, targetPort: number): void {
    if (this.#isCut) {
      near.resetAndDestroy()
      return
    }
    const far = connect(targetPort, '127.0.0.1')
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  }
}

/** A TLS hello is a handshake record (RFC 8446 section 5.1). */
const HANDSHAKE = 0x16

/**
 * A road of a school that lets out nothing but TLS, and looks at the first bytes of each connection.
 * Stands on every address of this machine.
 */
export class TlsOnlyRoad {
  readonly port: number
  /** Connections that did not begin with a hello, or not with one of a page. */
  refused = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #target: { host: string; port: number } | null = null
  #pagesOnly = false

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
  }

  /** Opens a road on a free port; it leads nowhere yet. */
  static async open(): Promise<TlsOnlyRoad> {
    let road: TlsOnlyRoad | undefined
    const server = createServer((near) => road?.look(near))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '::', resolve)
    })
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    road = new TlsOnlyRoad(server, address.port)
    return road
  }

  /** Where what is let through goes. */
  leadTo(host: string, port: number): void {
    this.#target = { host, port }
  }

  /** From now on only hellos that ask for HTTP pass: those of pages and of nothing else. */
  letOnlyPagesPass(): void {
    this.#pagesOnly = true
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  private look(near: Socket): void {
    this.#keep(near)
    near.once('data', (first: Buffer) => {
      const isHello = first[0] === HANDSHAKE && (!this.#pagesOnly || first.includes('http/1.1'))
      if (!isHello || this.#target === null) {
        this.refused += 1
        near.resetAndDestroy()
        return
      }
      near.pause()
      const far = connect(this.#target.port, this.#target.host)
      this.#keep(far)
      near.on('close', () => far.destroy())
      far.on('close', () => near.destroy())
      far.write(first)
      far.pipe(near)
      near.pipe(far)
    })
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#sockets.delete(socket))
  }
}

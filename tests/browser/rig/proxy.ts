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

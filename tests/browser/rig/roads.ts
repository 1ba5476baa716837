import { readFileSync } from 'node:fs'
import { atExit } from './cleanup.ts'
import { filter, ip } from './namespace.ts'

/** Addresses of the roads to one server: in a school, say, the cable and a phone; and a road that
 * is never cut, for whoever stays. */
const ROADS = [
  { near: '198.51.100.5', far: '198.51.100.6' },
  { near: '198.51.100.9', far: '198.51.100.10' },
  { near: '198.51.100.13', far: '198.51.100.14' },
] as const
const SERVER = '203.0.113.77'
/** Header of a frame, which the kernel counts. */
const ETHERNET_BYTES = 14

/** Script that uses only the server's address at which the page was opened. */
export const OWN_ROAD = `(() => {
  const native = RTCPeerConnection.prototype.setRemoteDescription
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    const lines = sdp.split('\\r\\n').filter((line) => !line.startsWith('a=candidate:') || line.includes(location.hostname))
    return native.call(this, { type, sdp: lines.join('\\r\\n') })
  }
})()`

/**
 * A network of its own for a server, joined to this machine by virtual cables. The first carries
 * everything while it is up; when it is cut, this machine goes by the second, under another
 * address: a change from one network to another.
 */
export class TwoRoads {
  /** Of the server, by the first two roads. */
  readonly address = SERVER
  /** Of the server, by the road that is never cut. */
  readonly lastingAddress = ROADS[2].far
  readonly name = `preauroads${process.pid}`
  /** What to put before a command so that it runs there. */
  readonly enter = ['ip', 'netns', 'exec', this.name]
  readonly #cables = ROADS.map((_, index) => `pr${index}x${process.pid}`)
  readonly #forget = atExit(() => this.#clear())

  /** Makes it; fails where the right to do so is missing. */
  static create(): TwoRoads {
    const roads = new TwoRoads()
    ip('netns', 'add', roads.name)
    ip('-n', roads.name, 'link', 'set', 'lo', 'up')
    ip('-n', roads.name, 'addr', 'add', `${SERVER}/32`, 'dev', 'lo')
    for (const [index, { near, far }] of ROADS.entries()) {
      const end = `eth${index}`
      ip('link', 'add', roads.#cable(index), 'type', 'veth', 'peer', 'name', end, 'netns', roads.name)
      ip('-n', roads.name, 'addr', 'add', `${far}/30`, 'dev', end)
      ip('-n', roads.name, 'link', 'set', end, 'up')
      // Each road for its own address only: browsers try every address of this machine on each.
      filter(roads.name, `iifname "${end}" ip saddr != ${near} drop`)
      roads.#open(index)
    }
    return roads
  }

  /** Cuts the first road and takes its address from this machine, as when Wi-Fi is left. */
  cutFirst(): void {
    ip('link', 'set', this.#cable(0), 'down')
    ip('addr', 'flush', 'dev', this.#cable(0))
  }

  /** Mends the first road; it is preferred again. */
  mendFirst(): void {
    this.#open(0)
  }

  /** Bytes of IP packets that reached this machine on the road that is never cut. */
  receivedOnLasting(): number {
    const count = (name: string): number =>
      Number(readFileSync(`/sys/class/net/${this.#cable(2)}/statistics/${name}`, 'utf8'))
    return count('rx_bytes') - ETHERNET_BYTES * count('rx_packets')
  }

  /** Takes it away, the cables with it. */
  remove(): void {
    this.#forget()
    this.#clear()
  }

  #cable(index: number): string {
    return this.#cables[index] ?? ''
  }

  /** Address and route are lost with a cable and have to be made again. */
  #open(index: number): void {
    const [cable, road] = [this.#cable(index), ROADS[index]]
    if (road === undefined) throw new Error('no such road')
    ip('addr', 'add', `${road.near}/30`, 'dev', cable)
    ip('link', 'set', cable, 'up')
    if (index === 2) return
    ip('route', 'add', `${SERVER}/32`, 'via', road.far, 'dev', cable, 'src', road.near, 'metric', String(10 + index))
  }

  /** Cables first: those of a namespace go some time after it. */
  #clear(): void {
    for (const cable of this.#cables) ip('link', 'del', cable)
    ip('netns', 'del', this.name)
  }
}

import { execFileSync } from 'node:child_process'
import { atExit } from './cleanup.ts'
import { ip } from './namespace.ts'

/** The road from this machine to the router (RFC 5737, for documentation). */
const ROAD = { near: '198.51.100.17', outer: '198.51.100.18' }

/** The network behind the router (RFC 1918), as engines of containers make them. */
const INNER = { router: '172.31.77.1', server: '172.31.77.2' }

/** What the router publishes, over TCP and UDP. */
const PUBLISHED = 443

/**
 * A network for a server behind a router of its own that translates addresses, as around a container:
 * the server sees nothing but its inner address, and browsers reach nothing but the outer one.
 */
export class BehindNat {
  /** Of the router, as browsers see it. */
  readonly address = ROAD.outer
  readonly #router = `preaurouter${process.pid}`
  readonly #inner = `preauinner${process.pid}`
  readonly #cable = `pn${process.pid}`
  readonly #forget = atExit(() => this.#clear())
  /** What to put before a command so that it runs where the server is. */
  readonly enter: readonly string[] = ['ip', 'netns', 'exec', this.#inner]

  /** Makes it; fails where the right to do so is missing. Nothing is published yet. */
  static create(): BehindNat {
    const nat = new BehindNat()
    const router = (...args: string[]): void => ip('-n', nat.#router, ...args)
    const inner = (...args: string[]): void => ip('-n', nat.#inner, ...args)
    for (const name of [nat.#router, nat.#inner]) {
      ip('netns', 'add', name)
      ip('-n', name, 'link', 'set', 'lo', 'up')
    }
    ip('link', 'add', nat.#cable, 'type', 'veth', 'peer', 'name', 'outside', 'netns', nat.#router)
    ip('addr', 'add', `${ROAD.near}/30`, 'dev', nat.#cable)
    ip('link', 'set', nat.#cable, 'up')
    router('link', 'add', 'inside', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', nat.#inner)
    router('addr', 'add', `${ROAD.outer}/30`, 'dev', 'outside')
    router('addr', 'add', `${INNER.router}/24`, 'dev', 'inside')
    for (const end of ['outside', 'inside']) router('link', 'set', end, 'up')
    inner('addr', 'add', `${INNER.server}/24`, 'dev', 'eth0')
    inner('link', 'set', 'eth0', 'up')
    inner('route', 'add', 'default', 'via', INNER.router)
    nat.#inRouter(['sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward'])
    return nat
  }

  /** Leads the published port to these of the server; gives its number. */
  publish({ https, media }: { https: number; media: number }): number {
    const rules = `table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat
    iifname "outside" tcp dport ${PUBLISHED} dnat to ${INNER.server}:${https}
    iifname "outside" udp dport ${PUBLISHED} dnat to ${INNER.server}:${media}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    oifname "outside" snat to ${ROAD.outer}
  }
}
`
    this.#inRouter(['nft', '-f', '-'], rules)
    return PUBLISHED
  }

  /** Takes it away. */
  remove(): void {
    this.#forget()
    this.#clear()
  }

  #inRouter([command = '', ...args]: string[], input = ''): void {
    execFileSync('ip', ['netns', 'exec', this.#router, command, ...args], { input, stdio: ['pipe', 'ignore', 'pipe'] })
  }

  /** The cable first: alone it would go some time after its namespace. */
  #clear(): void {
    ip('link', 'del', this.#cable)
    for (const name of [this.#router, this.#inner]) ip('netns', 'del', name)
  }
}

import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { atExit } from './cleanup.ts'
import { ip } from './namespace.ts'

/** Addresses that stand nowhere else (RFC 4193): of the server, and of whoever calls it. */
const SERVER = 'fd5a:c3e1:77b2:9d04::7'
const CALLER = 'fd5a:c3e1:77b2:9d04:8f1e:62ab:3c55:e19d'

/** What leads away (RFC 5737, RFC 3849, for documentation). */
const AWAY = { v4: '198.51.100.2', v4Router: '198.51.100.1', v6: '2001:db8:51::2', v6Router: '2001:db8:51::1' }

/** Where browsers of the island ask for names; whoever listens there hears them. */
export const RESOLVER = '127.0.0.53'

/**
 * Two networks joined by one cable, and nothing else: browsers in one, the server in the other. The
 * cable carries IPv6 alone.
 */
export class Island {
  readonly server = SERVER
  readonly caller = CALLER
  readonly #people = `preaupeople${process.pid}`
  readonly #machine = `preaumachine${process.pid}`
  readonly #resolver = `/etc/netns/${this.#people}`
  readonly #forget = atExit(() => this.#clear())
  /** What to put before a command so that it runs where the browsers are. */
  readonly enter: readonly string[] = ['ip', 'netns', 'exec', this.#people]
  /** What to put before a command so that it runs where the server is. */
  readonly enterMachine: readonly string[] = ['ip', 'netns', 'exec', this.#machine]

  /**
   * Makes it; fails where the right to do so is missing. With a way out, by IPv4 and IPv6, whoever wants
   * to reach another machine tries: every try is written down and goes nowhere. Without one, IPv6 is all
   * there is.
   */
  static create({ hasWayOut }: { hasWayOut: boolean }): Island {
    const island = new Island()
    for (const name of [island.#people, island.#machine]) {
      ip('netns', 'add', name)
      ip('-n', name, 'link', 'set', 'lo', 'up')
    }
    const people = (...args: string[]): void => ip('-n', island.#people, ...args)
    const machine = (...args: string[]): void => ip('-n', island.#machine, ...args)
    people('link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'cable', 'netns', island.#machine)
    for (const cable of [people, machine]) cable('link', 'set', 'cable', 'up')
    people('-6', 'addr', 'add', `${CALLER}/64`, 'dev', 'cable', 'nodad')
    machine('-6', 'addr', 'add', `${SERVER}/64`, 'dev', 'cable', 'nodad')
    if (hasWayOut) island.#openWayOut()
    // Firefox looks for its own address on the way to elsewhere.
    else people('-6', 'route', 'add', 'default', 'via', SERVER, 'dev', 'cable')
    mkdirSync(island.#resolver, { recursive: true })
    writeFileSync(`${island.#resolver}/resolv.conf`, `nameserver ${RESOLVER}\n`)
    return island
  }

  /** Whom anybody there tried to reach elsewhere: address, protocol and port. */
  tries(): string[] {
    const listed = execFileSync('ip', ['netns', 'exec', this.#people, 'nft', '-j', 'list', 'sets'], { encoding: 'utf8' })
    const { nftables } = JSON.parse(listed) as { nftables: { set?: { elem?: { concat: unknown[] }[] } }[] }
    return nftables.flatMap(({ set }) => set?.elem ?? []).map(({ concat }) => concat.join(' '))
  }

  /** Takes it away. */
  remove(): void {
    this.#forget()
    this.#clear()
  }

  #openWayOut(): void {
    const people = (...args: string[]): void => ip('-n', this.#people, ...args)
    people('link', 'add', 'out', 'type', 'veth', 'peer', 'name', 'void')
    for (const end of ['void', 'out']) people('link', 'set', end, 'up')
    people('addr', 'add', `${AWAY.v4}/24`, 'dev', 'out')
    people('-6', 'addr', 'add', `${AWAY.v6}/64`, 'dev', 'out', 'nodad')
    people('route', 'add', 'default', 'via', AWAY.v4Router, 'dev', 'out')
    people('-6', 'route', 'add', 'default', 'via', AWAY.v6Router, 'dev', 'out')
    execFileSync('ip', ['netns', 'exec', this.#people, 'nft', '-f', '-'], { input: WATCH })
  }

  #clear(): void {
    for (const name of [this.#people, this.#machine]) ip('netns', 'del', name)
    rmSync(this.#resolver, { recursive: true, force: true })
  }
}

/** Notes and drops every packet of TCP and UDP that would leave. */
const WATCH = `table inet watch {
  set v4 { type ipv4_addr . inet_proto . inet_service; flags dynamic; size 4096; }
  set v6 { type ipv6_addr . inet_proto . inet_service; flags dynamic; size 4096; }
  chain output {
    type filter hook output priority 0;
    oifname != "out" accept
    meta nfproto ipv4 meta l4proto { tcp, udp } add @v4 { ip daddr . meta l4proto . th dport }
    meta nfproto ipv6 meta l4proto { tcp, udp } add @v6 { ip6 daddr . meta l4proto . th dport }
    drop
  }
}
`

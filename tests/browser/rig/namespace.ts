import { execFileSync } from 'node:child_process'
import { atExit } from './cleanup.ts'

/** Addresses of the road between this machine and the namespace (RFC 5737, for documentation). */
const NEAR = '198.51.100.1'
const FAR = '198.51.100.2'

/** A network of its own for a server, joined to this machine by a virtual cable. */
export class OpenNetwork {
  /** Of the server. */
  readonly address = FAR
  /** Of this machine, as the server sees it. */
  readonly here = NEAR

  /** What to put before a command so that it runs there. */
  readonly enter: readonly string[]

  protected constructor(
    readonly name: string,
    private readonly cable: string,
    private readonly forget: () => void,
  ) {
    this.enter = ['ip', 'netns', 'exec', name]
  }

  /** Makes it; fails where the right to do so is missing. */
  static create(): OpenNetwork {
    const { name, cable, forget } = OpenNetwork.lay()
    return new OpenNetwork(name, cable, forget)
  }

  protected static lay(): { name: string; cable: string; forget: () => void } {
    const name = `preau${process.pid}`
    const near = `pr${process.pid}`.slice(0, 15)
    ip('netns', 'add', name)
    const forget = atExit(() => ip('netns', 'del', name))
    ip('link', 'add', near, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    ip('addr', 'add', `${NEAR}/30`, 'dev', near)
    ip('link', 'set', near, 'up')
    ip('-n', name, 'addr', 'add', `${FAR}/30`, 'dev', 'eth0')
    ip('-n', name, 'link', 'set', 'eth0', 'up')
    ip('-n', name, 'link', 'set', 'lo', 'up')
    return { name, cable: near, forget }
  }

  /** Takes it away, the cable first: alone it would go some time after the namespace, and the next
   * one of that name could not be laid. */
  remove(): void {
    this.forget()
    ip('link', 'del', this.cable)
    ip('netns', 'del', this.name)
  }
}

/** The same, but every datagram is dropped: a school network that lets only TCP through. */
export class NetworkWithoutUdp extends OpenNetwork {
  static override create(): NetworkWithoutUdp {
    const { name, cable, forget } = OpenNetwork.lay()
    filter(name, 'iifname "eth0" meta l4proto udp drop')
    return new NetworkWithoutUdp(name, cable, forget)
  }
}

/** Adds one rule to what comes into a namespace. */
export function filter(name: string, rule: string): void {
  const rules = [
    'add table inet school',
    'add chain inet school input { type filter hook input priority 0; }',
    `add rule inet school input ${rule}`,
  ]
  execFileSync('ip', ['netns', 'exec', name, 'nft', '-f', '-'], { input: `${rules.join('\n')}\n` })
}

/** Runs one command of iproute2. */
export function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

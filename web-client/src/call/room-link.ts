// The link by which this page came, and the guest link as it may be shown: both follow what the
// server says.

import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { buildLink, deriveHandleProof, deriveProof, type Link } from '../link'
import type { Join, Request } from '../protocol/connection'
import type { Delegation, Role, ServerMessage } from '../protocol/generated'
import { Host } from './host'
import type { CallState } from './state'

/** One page's way into a room. */
export class RoomLink {
  /** Where links lead that other devices can reach; `null` until known. */
  readonly origin = signal<string | null>(null)
  /** `null` for whoever holds no moderator link. */
  readonly host: Signal<Host | null>
  /** The guest link that is good now; `null` while it is not known. */
  readonly guest = computed(() => {
    const origin = this.origin.value
    const host = this.host.value
    const own = this.replaced.value ? null : this.link.secret
    const secret = host === null ? own : host.guestSecret.value
    if (origin === null || secret === null) return null
    return buildLink(origin, { room: this.link.room, role: 'guest', secret, admission: null })
  })
  /** True when the guest link by which this page came is good no more. */
  private readonly replaced = signal(false)
  /** What makes the person a moderator whose link does not. */
  private delegation: Delegation | null = null
  private generation: number | null = null
  private proofs: Pick<Join, 'proof' | 'handle'> | null = null

  constructor(
    private link: Link,
    private readonly state: ReadonlySignal<CallState>,
    private readonly ask: (request: Request) => Promise<boolean>,
  ) {
    this.host = signal(this.hostOf(link))
  }

  /** Name of the room. */
  get room(): string {
    return this.link.room
  }

  /** Derives what `join` shows, once. */
  async prove(): Promise<void> {
    const { secret, admission } = this.link
    this.proofs ??= {
      proof: await deriveProof(secret),
      handle: admission === null ? null : await deriveHandleProof(admission),
    }
  }

  /** What `join` says of the link; `prove` comes first. */
  get join(): Pick<Join, 'room' | 'proof' | 'handle' | 'delegation'> {
    if (this.proofs === null) throw new TypeError('nothing is proven yet')
    return { room: this.link.room, ...this.proofs, delegation: this.delegation }
  }

  /** What the server says of links. */
  hear(message: ServerMessage): void {
    switch (message.type) {
      case 'joined':
        // Whoever comes back proves nothing by it: their link may be an old one, and their role not
        // their link's.
        if (!message.resumed) {
          this.replaced.value = false
          if (this.delegation === null) this.mend(message.role)
        } else if (this.generation !== null && message.linkGeneration !== this.generation) {
          this.replaced.value = true
        }
        this.generation = message.linkGeneration
        void this.host.value?.follow(message.linkGeneration)
        return
      case 'role_changed':
        if (message.participant === this.state.value.selfId) this.delegation = message.delegation
        return
      case 'link_rotated':
        if (message.generation !== this.generation) this.replaced.value = true
        this.generation = message.generation
        void this.host.value?.follow(message.generation)
        return
      default:
    }
  }

  /** A link may say another role than its secret proves. Then a moderator's secret would be shown as
   * the guest link, so the link becomes what it is, in the address too. */
  private mend(role: Role): void {
    if (role === this.link.role) return
    this.link = { ...this.link, role, admission: null }
    this.host.value = this.hostOf(this.link)
    const { pathname, search } = location
    const { hash } = new URL(buildLink(location.origin, this.link))
    history.replaceState(history.state, '', `${pathname}${search}${hash}`)
  }

  private hostOf(link: Link): Host | null {
    if (link.role !== 'moderator') return null
    return new Host(link, { state: this.state, origin: this.origin, ask: this.ask })
  }
}

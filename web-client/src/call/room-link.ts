// The link by which this page came, and the guest link as it may be shown: both follow what the
// server says.

import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { buildLink, deriveHandleProof, deriveProof, type Link } from '../link'
import type { Join, Request } from '../protocol/connection'
import type { Delegation, Role, ServerMessage } from '../protocol/generated'
import { Host } from './host'
import type { LinkProofs } from './resume'
import type { CallState, Problem } from './state'

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
    const link = this.current.value
    const own = this.replaced.value ? null : link.secret
    const secret = host === null ? own : host.guestSecret.value
    const encryption = host === null ? link.encryption : host.encryption.value
    if (origin === null || secret === null || encryption === undefined) return null
    return buildLink(origin, {
      room: link.room,
      role: 'guest',
      secret,
      admission: null,
      encryption: encryption === null ? null : { ...encryption, certificate: null },
    })
  })
  /** True when the guest link by which this page came is good no more. */
  private readonly replaced = signal(false)
  /** What makes the person a moderator whose link does not. */
  private delegation: Delegation | null = null
  private generation: number | null = null
  /** True when the proofs are of a link that was replaced. */
  private isOld: boolean

  /** The link as it is now. */
  private readonly current: Signal<Link>

  constructor(
    link: Link,
    private readonly state: ReadonlySignal<CallState>,
    private readonly refusalOf: (request: Request) => Promise<Problem | null>,
    /** Of the link that a page before came by, where it was replaced since. */
    private proofs: LinkProofs | null = null,
  ) {
    this.isOld = proofs !== null
    this.current = signal(link)
    this.host = signal(this.hostOf(link))
  }

  /** Name of the room. */
  get room(): string {
    return this.current.value.room
  }

  /** What a page that is loaded anew has to prove beside its address; `null` when nothing. */
  get kept(): LinkProofs | null {
    return this.isOld ? this.proofs : null
  }

  /** The guest link was replaced, and this page may have the new one: its address holds it from now on.
   * The session goes on by the proof it began with. */
  replace(link: Link): void {
    if (this.current.value.role !== 'guest') return
    this.isOld = true
    this.current.value = link
    this.replaced.value = false
    showAddress(link)
  }

  /** The session of the link before has ended: only the link of the address counts. True where that
   * makes a difference. */
  forgetOld(): boolean {
    const wasOld = this.isOld
    if (wasOld) this.proofs = null
    this.isOld = false
    return wasOld
  }

  /** Derives what `join` shows, once. */
  async prove(): Promise<void> {
    const { secret, admission } = this.current.value
    this.proofs ??= {
      proof: await deriveProof(secret),
      handle: admission === null ? null : await deriveHandleProof(admission),
    }
  }

  /** What `join` says of the link; `prove` comes first. */
  get join(): Pick<Join, 'room' | 'proof' | 'handle' | 'delegation'> {
    if (this.proofs === null) throw new TypeError('nothing is proven yet')
    return { room: this.room, ...this.proofs, delegation: this.delegation }
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
        } else if (this.generation !== null && message.linkGeneration > this.generation) {
          this.replaced.value = true
        }
        this.generation = Math.max(this.generation ?? 0, message.linkGeneration)
        void this.host.value?.follow(message.linkGeneration)
        return
      case 'role_changed':
        if (message.participant === this.state.value.selfId) this.delegation = message.delegation
        return
      case 'link_rotated':
        if (message.generation > (this.generation ?? -1)) this.replaced.value = true
        this.generation = Math.max(this.generation ?? 0, message.generation)
        void this.host.value?.follow(message.generation)
        return
      default:
    }
  }

  /** A link may say another role than its secret proves. Then a moderator's secret would be shown as
   * the guest link, so the link becomes what it is, in the address too. */
  private mend(role: Role): void {
    const link = this.current.value
    // In an encrypted room the host key says so: a link that says otherwise does not enter.
    if (role === link.role || link.encryption !== null) return
    this.current.value = { ...link, role, admission: null }
    this.host.value = this.hostOf(this.current.value)
    showAddress(this.current.value)
  }

  private hostOf(link: Link): Host | null {
    if (link.role !== 'moderator') return null
    return new Host(link, { state: this.state, origin: this.origin, refusalOf: this.refusalOf })
  }
}

/** Puts a link into the address of this page. */
function showAddress(link: Link): void {
  const { pathname, search } = location
  const { hash } = new URL(buildLink(location.origin, link))
  history.replaceState(history.state, '', `${pathname}${search}${hash}`)
}

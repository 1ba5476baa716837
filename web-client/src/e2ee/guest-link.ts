// Which guest link is good, as far as this page knows: it may be replaced while the page is here, or away.

import { type ReadonlySignal, signal } from '@preact/signals'
import type { Link } from '../link'
import { type Bytes, isSame } from './bytes'
import type { Trust } from './trust'

/** The guest link of a room, as one page knows it. */
export class GuestLink {
  /** Secret of the link that is good now; `null` until it is known. */
  readonly secret: ReadonlySignal<Bytes | null>
  private readonly good = signal<Bytes | null>(null)
  /** Of the good one, as the server says. */
  private generation: number | null = null
  /** What the server said last of another one. */
  private replacedBy = 0

  /** `handleReplaced` hears, for who holds a guest link, that another one is good. */
  constructor(
    private readonly link: Link,
    private readonly trust: Trust,
    private readonly handleReplaced: (link: Link) => void,
  ) {
    this.secret = this.good
    if (link.role === 'guest') this.good.value = link.secret
  }

  /** Newest generation that is known here and in use at the server. */
  get newest(): number {
    return Math.min(this.trust.generation, this.generation ?? Infinity)
  }

  /** True where the link was replaced while this page was here, and nobody told it the new one. */
  get hasEnded(): boolean {
    return this.replacedBy > this.trust.generation
  }

  /** The server said `joined`. A link that was replaced is good no more, whatever is said later. */
  async enter(generation: number): Promise<void> {
    if (this.generation !== null && generation < this.generation) return
    // A page that was merely cut off while the link was replaced has the secret of before, and is told.
    const isOwn = this.link.role === 'guest' && (this.generation === null || this.generation === generation)
    this.generation = generation
    await this.trust.learn(generation, isOwn ? this.good.value : null)
    this.follow()
  }

  /** The server replaced the link. */
  async replace(generation: number): Promise<void> {
    if (this.generation !== null && generation < this.generation) return
    this.replacedBy = generation
    this.generation = generation
    await this.trust.learn(generation, null)
    this.follow()
  }

  /** A holder of the moderator link said what replaces it. */
  async take(generation: number, secret: Bytes): Promise<void> {
    // It is said just before the server replaces the link, and taken for that one alone.
    if (this.generation === null || generation < this.generation || generation > this.generation + 1) return
    await this.trust.learn(generation, this.link.role === 'moderator' ? null : secret)
    this.follow()
  }

  private follow(): void {
    const secret = this.generation === null ? null : this.trust.secretOf(this.generation)
    if (this.link.role === 'moderator') {
      this.good.value = secret
      return
    }
    // The link of now, where this page was told it, is the one in its address.
    if (secret === null || this.good.value === null || isSame(secret, this.good.value)) return
    this.good.value = secret
    this.handleReplaced({ ...this.link, secret })
  }
}

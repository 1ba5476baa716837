// A call before its code is there: the page before joining is drawn at once, and what the person
// clicks meanwhile is done when the call has been fetched.

import { type ReadonlySignal, signal } from '@preact/signals'
import type { Link } from '../link'
import type { CallState, Phase } from './state'
import type { Call } from './store'

/** As much of `CallState` as there is before the call. */
export interface EarlyState extends Pick<CallState, 'saving' | 'notices'> {
  readonly phase: Extract<Phase, { name: 'prejoin' | 'joining' | 'failed' }>
}

/** Stands for a call until it is there; what it has is as in `Call`. */
export class EarlyCall {
  readonly state: ReadonlySignal<EarlyState>
  private readonly shown = signal<EarlyState>({ phase: { name: 'prejoin' }, saving: false, notices: [] })
  /** What the person clicked last. */
  private wanted: ((call: Call) => void) | null = null
  private isFetching = false

  /** `handleCall` hears of the call once. */
  constructor(
    private readonly fetchCall: () => Promise<Call>,
    private readonly handleCall: (call: Call) => void,
  ) {
    this.state = this.shown
    void this.fetch()
  }

  join(name: string): void {
    this.show({ phase: { name: 'joining' } })
    this.want((call) => {
      call.join(name)
    })
  }

  checkDevices(): void {
    if (this.wanted !== null) return
    this.want((call) => {
      call.checkDevices()
    })
  }

  setSaving(saving: boolean): void {
    this.show({ saving })
  }

  dismissNotice(): void {
    // There are none.
  }

  /** The server went away, or was updated under an open page: loading the page again helps. */
  retry(): void {
    location.reload()
  }

  private want(wanted: (call: Call) => void): void {
    this.wanted = wanted
    void this.fetch()
  }

  private async fetch(): Promise<void> {
    if (this.isFetching) return
    this.isFetching = true
    const call = await this.fetchCall().catch(() => null)
    this.isFetching = false
    if (call === null) {
      // Whoever has not clicked yet may find a better moment.
      if (this.wanted !== null) this.show({ phase: { name: 'failed', problem: 'server_unreachable', retry: true } })
      return
    }
    if (this.shown.peek().saving) call.setSaving(true)
    this.wanted?.(call)
    this.handleCall(call)
  }

  private show(change: Partial<EarlyState>): void {
    this.shown.value = { ...this.shown.peek(), ...change }
  }
}

/** The call of a link, and what stands for it until it is there. */
export function openEarly(
  link: Link,
  fetchOpen: () => Promise<{ openCall: (link: Link) => Call }>,
): ReadonlySignal<Call | EarlyCall> {
  const early = new EarlyCall(
    async () => (await fetchOpen()).openCall(link),
    (call) => {
      now.value = call
    },
  )
  const now = signal<Call | EarlyCall>(early)
  return now
}

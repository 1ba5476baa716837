// Who is speaking now, from the loudness the browser reports; no sound is looked at.

import { type ReadonlySignal, signal } from '@preact/signals'
import type { ParticipantId } from './state'

/** Watches while started. */
export class Speaking {
  private readonly speakers = signal<ReadonlySet<ParticipantId>>(new Set())
  private readonly lastHeard = new Map<ParticipantId, number>()
  private timer: ReturnType<typeof setInterval> | undefined

  /** `loud` says who is loud at this moment; `inputLevel` is the own microphone's. */
  constructor(
    private readonly loud: () => ReadonlySet<ParticipantId>,
    private readonly inputLevel: ReadonlySignal<number>,
  ) {}

  /** Who is speaking. */
  get now(): ReadonlySignal<ReadonlySet<ParticipantId>> {
    return this.speakers
  }

  /** Starts watching, anew when it did already. */
  start(self: ParticipantId | null): void {
    this.stop()
    this.timer = setInterval(() => {
      this.look(self, performance.now())
    }, PERIOD_MS)
  }

  /** Stops; nobody is speaking. */
  stop(): void {
    clearInterval(this.timer)
    this.lastHeard.clear()
    if (this.speakers.value.size > 0) this.speakers.value = new Set()
  }

  private look(self: ParticipantId | null, now: number): void {
    for (const id of this.loud()) this.lastHeard.set(id, now)
    if (self !== null && this.inputLevel.value > OWN_VOICE) this.lastHeard.set(self, now)
    for (const [id, at] of this.lastHeard) if (now - at > HOLD_MS) this.lastHeard.delete(id)
    const before = this.speakers.value
    const same = before.size === this.lastHeard.size && [...before].every((id) => this.lastHeard.has(id))
    if (!same) this.speakers.value = new Set(this.lastHeard.keys())
  }
}

/** Lower: quicker mark, more work for the page. */
const PERIOD_MS = 200
/** How long the mark stays in a pause between words. Lower: it flickers. */
const HOLD_MS = 800
/** Level (see loudness.ts) of a voice near the microphone. Lower: typing counts. */
const OWN_VOICE = 0.35

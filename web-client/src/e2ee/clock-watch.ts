// Sees that somebody sets the clock of this machine.

/** Compares the clock that people set with one that never goes back. */
export class ClockWatch {
  /** By how much the two differed, in seconds; `null` while nobody watches. */
  private before: number | null = null
  private lookAt = 0

  constructor(
    /** Milliseconds of a clock that never goes back. */
    private readonly now: () => number,
    /** Seconds since 1970. */
    private readonly clock: () => number,
  ) {}

  /** True from `begin` to `end`. */
  get watches(): boolean {
    return this.before !== null
  }

  begin(): void {
    this.before = this.difference
    this.lookAt = this.now() + LOOK_MS
  }

  end(): void {
    this.before = null
  }

  /** When to look; `Infinity` for never. */
  get wakeAt(): number {
    return this.watches ? this.lookAt : Infinity
  }

  /** True where the clock was set since `begin`, or since this was true last. */
  look(): boolean {
    if (this.before === null) return false
    this.lookAt = this.now() + LOOK_MS
    const { difference } = this
    if (Math.abs(difference - this.before) < LEAP_SECONDS) return false
    this.before = difference
    return true
  }

  private get difference(): number {
    return this.clock() - this.now() / 1000
  }
}

/** Lower: looks more often than anybody sets a clock. Higher: whoever set it waits longer. */
const LOOK_MS = 2_000
/** More than the two drift apart in a meeting, less than what makes a clock wrong. */
const LEAP_SECONDS = 60

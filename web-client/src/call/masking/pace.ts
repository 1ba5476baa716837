// Whether this machine keeps up with hiding what is behind a person.

/** Watches what frames cost. */
export class Pace {
  private readonly costs: number[] = []
  private skipped = 0

  /** `budget`: what a frame may cost on average, in milliseconds. */
  constructor(private readonly budget: number) {}

  /** One more frame; true once the machine has proven too slow. */
  note(cost: number): boolean {
    // The first ones also compile and fill caches.
    if (this.skipped < WARM_UP_FRAMES) {
      this.skipped += 1
      return false
    }
    this.costs.push(cost)
    const spent = this.costs.reduce((sum, one) => sum + one, 0)
    if (this.costs.length < LEAST_FRAMES || (this.costs.length < FRAMES && spent < WINDOW_MS)) return false
    const tooSlow = spent / this.costs.length > this.budget
    this.costs.splice(0, this.costs.length - LEAST_FRAMES + 1)
    return tooSlow
  }
}

/** What a frame may cost. Higher: a picture below ten frames a second, and a fan that runs; lower:
 * ordinary machines are told that they are too slow. */
export const FRAME_BUDGET_MS = 90
const WARM_UP_FRAMES = 4
/** Fewer may be one hiccup. */
const LEAST_FRAMES = 12
/** Computing time after which a judgement is due. Higher: a slow machine struggles for longer; lower:
 * one busy moment decides. */
const WINDOW_MS = 2_500
/** As many frames are enough, however quick they were. */
const FRAMES = 60

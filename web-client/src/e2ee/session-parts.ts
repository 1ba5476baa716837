// What a session takes from the browser.

import { Frames } from './frames'

/** What a session takes from its surroundings in tests. */
export interface SessionParts {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  /** Seconds since 1970. */
  readonly clock: () => number
  readonly setTimer: (wake: () => void, ms: number) => () => void
  readonly frames: (raw: boolean, handleCrash: () => void) => Frames
}

/** In a page. */
export const PARTS: SessionParts = {
  now: () => performance.now(),
  clock: () => Math.floor(Date.now() / 1000),
  setTimer: (wake, ms) => {
    const timer = setTimeout(wake, ms)
    return () => {
      clearTimeout(timer)
    }
  },
  frames: (raw, handleCrash) => new Frames(raw, handleCrash),
}

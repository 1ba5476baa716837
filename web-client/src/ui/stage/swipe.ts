// Turning pages with a finger.

import type { RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** A place under a finger. */
export interface Touch {
  readonly x: number
  readonly y: number
}

/** What a finger means that went from here to there: one page on (1), back (-1), or nothing. */
export function swiped(from: Touch, to: Touch): -1 | 0 | 1 {
  const across = to.x - from.x
  if (Math.abs(across) < SWIPE || Math.abs(across) < 2 * Math.abs(to.y - from.y)) return 0
  return across < 0 ? 1 : -1
}

/** Calls `turn` for each swipe across `ref`. Buttons do the same for everybody else. */
export function useSwipe(ref: RefObject<HTMLElement | null>, turn: (by: number) => void): void {
  const latest = useRef(turn)
  latest.current = turn
  useEffect(() => {
    const element = ref.current
    let from: Touch | null = null
    const begin = ({ touches }: TouchEvent) => {
      const [touch] = touches
      from = touches.length === 1 && touch !== undefined ? { x: touch.clientX, y: touch.clientY } : null
    }
    const end = ({ changedTouches }: TouchEvent) => {
      const [touch] = changedTouches
      const by = from === null || touch === undefined ? 0 : swiped(from, { x: touch.clientX, y: touch.clientY })
      from = null
      if (by !== 0) latest.current(by)
    }
    element?.addEventListener('touchstart', begin, { passive: true })
    element?.addEventListener('touchend', end, { passive: true })
    return () => {
      element?.removeEventListener('touchstart', begin)
      element?.removeEventListener('touchend', end)
    }
  }, [ref])
}

/** Pixels. Lower: a shaking finger turns pages; higher: a thumb does not reach. */
const SWIPE = 56

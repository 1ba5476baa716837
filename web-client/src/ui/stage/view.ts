// What one person chose for their own page of the room. Kept while the page is open, told to nobody.

import { effect, type ReadonlySignal, type Signal, signal, useComputed, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { CallState, ParticipantId } from '../../call/state'
import type { Call } from '../../call/store'
import { type Layout, LAYOUTS } from './arrange'
import { hear, SILENCE, type Turns, untilNextLook } from './turns'

/** The own view. */
export interface View {
  /** The chosen layout; `null`: what suits. */
  readonly layout: Signal<Layout | null>
  /** Who is shown large on this page, in the order of the clicks. */
  readonly pins: Signal<readonly ParticipantId[]>
  /** Number of the page of tiles, from 0. There may be fewer by now. */
  readonly page: Signal<number>
  /** How many pages of tiles there are. */
  readonly pages: Signal<number>
}

/** A view with nothing chosen. */
export function makeView(): View {
  return { layout: signal(null), pins: signal([]), page: signal(0), pages: signal(1) }
}

/** Pins somebody, or takes the pin out. */
export function togglePin({ pins }: View, id: ParticipantId): void {
  pins.value = pins.value.includes(id) ? pins.value.filter((one) => one !== id) : [...pins.value, id]
}

/** The page of tiles that is shown: the last one when there are fewer by now. */
export function pageOf(page: number, pages: number): number {
  return Math.max(0, Math.min(page, pages - 1))
}

/** Turns so many pages of tiles on, or back; never past an end. */
export function turnPages({ page, pages }: View, by: number): void {
  page.value = pageOf(pageOf(page.value, pages.value) + by, pages.value)
}

/** The layout after this one; after the last, what suits. */
export function nextLayout(layout: Layout | null): Layout | null {
  return layout === null ? LAYOUTS[0] : (LAYOUTS[LAYOUTS.indexOf(layout) + 1] ?? null)
}

/** A part of the state: what reads it is drawn again only when that part has changed. */
export function usePart<Part>(call: Call, pick: (state: CallState) => Part): Part {
  return useComputed(() => pick(call.state.value)).value
}

/** Follows who of the others has the word. */
export function useTurns(call: Call): ReadonlySignal<Turns> {
  const turns = useSignal(SILENCE)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = () => {
      clearTimeout(timer)
      const { selfId } = call.state.peek()
      const now = performance.now()
      const next = hear(turns.peek(), new Set([...call.speaking.value].filter((id) => id !== selfId)), now)
      turns.value = next
      const wait = untilNextLook(next, now)
      if (wait !== null) timer = setTimeout(look, wait)
    }
    const stop = effect(look)
    return () => {
      stop()
      clearTimeout(timer)
    }
  }, [call, turns])
  return turns
}

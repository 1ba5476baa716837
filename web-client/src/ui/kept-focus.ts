// Where the keyboard goes on when the control it stood on is no longer drawn: whoever lets thirty
// pupils in, or mutes one after the other, shall not start at the top of the page each time.

import type { RefObject } from 'preact'
import { useEffect } from 'preact/hooks'

/** Keeps the focus inside `place`. When the focused control disappears, the focus moves to the same
 * control drawn anew, else to that of the next row, else to the heading of what it stood in. */
export function useKeptFocus(place: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const root = place.current
    if (root === null) return
    let stood: Standing | null = null
    const remember = ({ target }: Event) => {
      stood = target instanceof HTMLElement ? standingOf(target, root) : null
    }
    // Not `focusout`: browsers disagree on whether a removed element says it.
    const turnAway = ({ target }: Event) => {
      if (target instanceof Node && stood?.control.contains(target) !== true) stood = null
    }
    const watch = new MutationObserver(() => {
      if (stood === null) return
      if (stood.control.isConnected) {
        stood = standingOf(stood.control, root)
        return
      }
      const { activeElement } = document
      if (activeElement === null || activeElement === document.body) successor(stood)?.focus()
      stood = null
    })
    root.addEventListener('focusin', remember)
    document.addEventListener('pointerdown', turnAway)
    watch.observe(root, { childList: true, subtree: true })
    return () => {
      root.removeEventListener('focusin', remember)
      document.removeEventListener('pointerdown', turnAway)
      watch.disconnect()
    }
  }, [])
}

/** Where the focus stood, for when it is gone. */
interface Standing {
  readonly control: HTMLElement
  /** The same controls of all rows, in order. */
  readonly peers: readonly HTMLElement[]
  /** What surrounds it, innermost first. */
  readonly around: readonly HTMLElement[]
}

function standingOf(control: HTMLElement, root: HTMLElement): Standing {
  const around: HTMLElement[] = []
  for (let element = control.parentElement; element !== null; element = element.parentElement) {
    around.push(element)
    if (element === root) break
  }
  return { control, peers: alike(control, listOf(control)), around }
}

function successor({ control, peers, around }: Standing): HTMLElement | null {
  const section = around.find((element) => element.isConnected && element.matches(SECTIONS)) ?? null
  const name = control.getAttribute('aria-label')
  const redrawn = alike(control, section).find((other) => name !== null && other.getAttribute('aria-label') === name)
  if (redrawn !== undefined) return redrawn
  const place = peers.indexOf(control)
  const next = [...peers.slice(place + 1), ...peers.slice(0, place).reverse()].find((other) => other.isConnected)
  if (next !== undefined) return next
  for (const element of around) {
    const heading = element.isConnected ? element.querySelector<HTMLElement>('h1, h2, h3, legend, figcaption') : null
    if (heading === null) continue
    heading.tabIndex = -1
    return heading
  }
  return null
}

/** The rows among which a control stands. */
function listOf(control: HTMLElement): HTMLElement | null {
  const row = control.closest<HTMLElement>(ROWS)
  return row?.parentElement ?? null
}

function alike(control: HTMLElement, place: HTMLElement | null): HTMLElement[] {
  if (place === null) return []
  const { tagName, className } = control
  return [...place.querySelectorAll<HTMLElement>(tagName)].filter((other) => other.className === className)
}

/** What stands in a list, one like the other. */
const ROWS = 'li, .told, .problem'
/** What has a heading of its own. */
const SECTIONS = 'section, dialog, .tool'

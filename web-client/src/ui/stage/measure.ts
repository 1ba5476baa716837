// What tiles need to know of their place on the screen.

import type { RefObject } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Call, PictureSource } from '../../call/store'
import type { ParticipantId } from '../../call/state'
import { tileGrid } from './layout'

/** Sizes the tiles inside `ref` so that `count` of them fill it. The style sheet does the rest. */
export function useTileGrid(ref: RefObject<HTMLElement | null>, count: number): void {
  useEffect(() => {
    const area = ref.current
    if (area === null) return
    const observer = new ResizeObserver(() => {
      const grid = tileGrid({ count, width: area.clientWidth, height: area.clientHeight })
      area.style.setProperty('--tile-width', `${grid.tileWidth}px`)
      area.style.setProperty('--tile-height', `${grid.tileHeight}px`)
      area.dataset['scrolls'] = String(grid.scrolls)
      area.dataset['small'] = String(grid.tileWidth < SMALL)
      makeReachable(area)
    })
    observer.observe(area)
    return () => {
      observer.disconnect()
    }
  }, [ref, count])
}

/** Tells the call how high a picture has to be to fill its place, on or not, and when that is out
 * of sight. */
export function useShownHeight(
  ref: RefObject<HTMLElement | null>,
  call: Call,
  participant: ParticipantId,
  source: PictureSource,
): void {
  useEffect(() => {
    const element = ref.current
    if (element === null) return
    let visible = true
    const tell = () => {
      const { clientHeight, clientWidth } = element
      // A tile that is higher than a camera's picture shows a part of it, magnified.
      const filled = source === 'camera' ? Math.max(clientHeight, clientWidth / CAMERA_RATIO) : clientHeight
      const height = Math.round(filled * devicePixelRatio)
      call.setShownHeight(participant, source, visible && height > 0 ? height : null)
    }
    const size = new ResizeObserver(tell)
    const sight = new IntersectionObserver((entries) => {
      visible = entries.at(-1)?.isIntersecting ?? visible
      tell()
    })
    size.observe(element)
    sight.observe(element)
    // Moved to another screen, or magnified.
    const density = matchMedia(`(resolution: ${devicePixelRatio}dppx)`)
    density.addEventListener('change', tell)
    return () => {
      size.disconnect()
      sight.disconnect()
      density.removeEventListener('change', tell)
      call.setShownHeight(participant, source, null)
    }
  }, [ref, call, participant, source])
}

/** What scrolls can be reached and moved by keyboard; what does not is no stop for it. */
function makeReachable(area: HTMLElement): void {
  const scrolls = area.scrollHeight > area.clientHeight || area.scrollWidth > area.clientWidth
  if (scrolls) area.tabIndex = 0
  else area.removeAttribute('tabindex')
}

/** Width to height of what cameras give. */
const CAMERA_RATIO = 16 / 9
/** Below this width a tile leaves out what the list of participants says too. */
const SMALL = 200

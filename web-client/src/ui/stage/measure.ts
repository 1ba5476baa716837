// What tiles need to know of their place on the screen.

import { useSignal } from '@preact/signals'
import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect } from 'preact/hooks'
import type { Call, PictureSource } from '../../call/store'
import type { ParticipantId } from '../../call/state'
import type { Box } from './layout'

/** Width and height in CSS pixels. */
export interface Size {
  readonly width: number
  readonly height: number
}

/** Size of what `ref` holds, followed; `null` before it is known. */
export function useSize(ref: RefObject<HTMLElement | null>): Size | null {
  const size = useSignal<Size | null>(null)
  useLayoutEffect(() => {
    const element = ref.current
    if (element === null) return
    const measure = () => {
      const { clientWidth: width, clientHeight: height } = element
      if (size.peek()?.width !== width || size.peek()?.height !== height) size.value = { width, height }
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => {
      observer.disconnect()
    }
  }, [ref, size])
  return size.value
}

/** Puts an element where it belongs. The style sheet reads the rest. */
export function putAt(element: Element | null | undefined, box: Box | null | undefined): void {
  if (!(element instanceof HTMLElement) || !box) return
  element.style.setProperty('--x', `${box.x}px`)
  element.style.setProperty('--y', `${box.y}px`)
  element.style.setProperty('--width', `${box.width}px`)
  element.style.setProperty('--height', `${box.height}px`)
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

/** Width to height of what cameras give. */
const CAMERA_RATIO = 16 / 9

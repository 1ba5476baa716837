import type { ReadonlySignal } from '@preact/signals'
import { useSignalEffect } from '@preact/signals'
import { useRef } from 'preact/hooks'

/** What a picture needs. */
export interface VideoProps {
  /** What to show. The sound, if any, is never played here. */
  stream: ReadonlySignal<MediaStream | null>
  /** Text for screen readers. */
  label: string
  /** Shows one's own picture as a mirror does. */
  mirrored?: boolean
  testId?: string
}

/** A muted picture that plays by itself. */
export function Video({ stream, label, mirrored = false, testId }: VideoProps) {
  const ref = useRef<HTMLVideoElement>(null)
  useSignalEffect(() => {
    const video = ref.current
    const source = stream.value
    if (video === null || video.srcObject === source) return
    video.srcObject = source
    // A picture replaced while it starts rejects; the next one starts by itself.
    if (source !== null) video.play().catch(() => undefined)
  })
  return (
    <video
      ref={ref}
      class={mirrored ? 'video video-mirrored' : 'video'}
      data-testid={testId}
      aria-label={label}
      onResize={({ currentTarget: { dataset, videoWidth, videoHeight } }) => {
        dataset['upright'] = String(videoHeight > videoWidth)
      }}
      autoplay
      playsInline
      muted
      disablePictureInPicture
    />
  )
}

// Hides what is behind a person, beside the page: it goes on in a tab nobody looks at, and takes
// nothing from the screen. What leaves here is masked or wholly blurred, never the frame that came.

import modelUrl from '@mediapipe/selfie_segmentation/selfie_segmentation_landscape.tflite?url'
import kernelsUrl from './kernels.wasm?url'
import type { Backdrop, FromWorker, MaskingState, ToWorker } from './messages'
import { Network } from './network'
import { Pace } from './pace'
import { Painter } from './painter'

const painter = new Painter()
let backdrop: Backdrop = 'blur'
let budget = 0
let pace = new Pace(0)
let state: MaskingState = 'starting'

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  switch (data.type) {
    case 'start':
      backdrop = data.backdrop
      budget = data.budget
      pace = new Pace(budget)
      void load()
      if (data.streams === null) askForFrames()
      else void flow(data.streams.frames, data.streams.pictures)
      return
    case 'backdrop':
      backdrop = data.backdrop
      // Chosen again by the person: worth another try.
      if (state === 'too_slow') become('on')
      return
    case 'frame':
      answer(data.frame)
  }
})

async function load(): Promise<void> {
  try {
    const [kernels, model] = await Promise.all([
      WebAssembly.compileStreaming(fetched(kernelsUrl)),
      fetched(modelUrl).then((response) => response.arrayBuffer()),
    ])
    painter.use(new Network(kernels, model))
    become('on')
  } catch {
    become('failed')
  }
}

async function fetched(url: string): Promise<Response> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${response.status}`)
  return response
}

/** Chromium: frames come and go without the page. */
async function flow(frames: ReadableStream<VideoFrame>, masked: WritableStream<VideoFrame>): Promise<void> {
  const reader = frames.getReader()
  const writer = masked.getWriter()
  try {
    for (;;) {
      const { value: frame } = await reader.read()
      if (frame === undefined) return
      let picture: VideoFrame
      try {
        picture = new VideoFrame(paint(frame, frame.displayWidth, frame.displayHeight), { timestamp: frame.timestamp })
      } finally {
        frame.close()
      }
      await writer.write(picture)
      begun()
    }
  } catch {
    become('failed')
  }
}

/** Elsewhere the page hands frames over. The clock of a worker goes on where a page's is slowed. */
function askForFrames(): void {
  setInterval(() => {
    if (waiting) return
    waiting = true
    tell({ type: 'want_frame' })
  }, FRAME_MS)
}

let waiting = false

function answer(frame: ImageBitmap | null): void {
  waiting = false
  if (frame === null) return
  try {
    const picture = paint(frame, frame.width, frame.height).transferToImageBitmap()
    tell({ type: 'picture', picture }, [picture])
    begun()
  } catch {
    become('failed')
  } finally {
    frame.close()
  }
}

function paint(frame: CanvasImageSource, width: number, height: number): OffscreenCanvas {
  if (state !== 'on') return painter.veiled(frame, width, height)
  const began = performance.now()
  const picture = painter.masked(frame, width, height, backdrop)
  if (pace.note(performance.now() - began)) become('too_slow')
  return picture
}

function become(next: MaskingState): void {
  // Whatever failed once is not to be trusted with a frame again.
  if (state === next || state === 'failed') return
  if (next === 'on') pace = new Pace(budget)
  state = next
  if (pictures || state === 'failed') tell({ type: 'state', state })
}

/** Something came out: from now on the page may show it. */
function begun(): void {
  if (pictures) return
  pictures = true
  tell({ type: 'state', state })
}

let pictures = false

function tell(message: FromWorker, handed: Transferable[] = []): void {
  postMessage(message, { transfer: handed })
}

/** Between two questions for a frame. Lower: more work than the camera gives. */
const FRAME_MS = 45

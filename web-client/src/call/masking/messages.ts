// What the page and the worker that hides the background say to each other.

/** A background drawn by us. */
export type Scene = (typeof SCENES)[number]

/** In place of the room behind a person: its blurred picture, or a drawn one. */
export type Backdrop = 'blur' | Scene

/** How far hiding the background has come. Unless it is `on`, a picture that leaves shows nothing but
 * blur, or nothing. */
export type MaskingState = 'starting' | 'on' | 'too_slow' | 'failed'

/** To the worker. */
export type ToWorker =
  | {
      type: 'start'
      backdrop: Backdrop
      /** What a frame may cost on average, in milliseconds. */
      budget: number
      /** Camera in, picture out; without them, frames are asked for one by one. */
      streams: { frames: ReadableStream<VideoFrame>; pictures: WritableStream<VideoFrame> } | null
    }
  | { type: 'backdrop'; backdrop: Backdrop }
  /** What was asked for; `null` when the camera has nothing new. */
  | { type: 'frame'; frame: ImageBitmap | null }

/** From the worker. */
export type FromWorker =
  /** Said first when the first picture has left. */
  | { type: 'state'; state: MaskingState }
  | { type: 'want_frame' }
  | { type: 'picture'; picture: ImageBitmap }

/** In the order in which they are offered. */
export const SCENES = ['plain', 'yard', 'shelves'] as const

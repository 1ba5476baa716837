// How pictures get from a camera to a worker and back to a track: handed over as streams where the
// browser can, else one by one through canvases of the page.

/** A way from a camera through a worker to a track. */
export interface Pipe {
  /** What comes out. */
  readonly track: MediaStreamTrack
  /** For the worker to read and write by itself; `null` where it asks for each frame. */
  readonly streams: { frames: ReadableStream<VideoFrame>; pictures: WritableStream<VideoFrame> } | null
  /** What the camera shows now, if it is anything new. */
  take(): Promise<ImageBitmap | null>
  /** Puts a finished picture into the track. */
  give(picture: ImageBitmap): void
  stop(): void
}

/** Lays the better way this browser has. */
export function layPipe(camera: MediaStreamTrack): Pipe {
  return streamed(camera) ?? new Canvases(camera)
}

/** Chromium (mediacapture-transform as it was shipped there): nothing passes through the page. */
function streamed(camera: MediaStreamTrack): Pipe | null {
  const { MediaStreamTrackProcessor: Processor, MediaStreamTrackGenerator: Generator } = globalThis as unknown as Transform
  if (Processor === undefined || Generator === undefined) return null
  const track = new Generator({ kind: 'video' })
  return {
    track,
    // Of frames that wait, the newest.
    streams: { frames: new Processor({ track: camera, maxBufferSize: 1 }).readable, pictures: track.writable },
    take: () => Promise.resolve(null),
    give: (picture) => {
      picture.close()
    },
    stop: () => {
      track.stop()
    },
  }
}

/** Elsewhere: a video that plays the camera unseen, and a canvas that is captured. */
class Canvases implements Pipe {
  readonly track: MediaStreamTrack
  readonly streams = null
  private readonly video = document.createElement('video')
  private readonly canvas = document.createElement('canvas')
  private readonly context = this.canvas.getContext('2d')
  private shownAt = -1

  constructor(camera: MediaStreamTrack) {
    this.video.muted = true
    this.video.playsInline = true
    this.video.srcObject = new MediaStream([camera])
    // Refused only when stopped meanwhile.
    this.video.play().catch(() => undefined)
    const { width, height } = camera.getSettings()
    this.canvas.width = width ?? 960
    this.canvas.height = height ?? 540
    const [track] = this.canvas.captureStream().getVideoTracks()
    if (track === undefined) throw new Error('a canvas without a track')
    this.track = track
  }

  async take(): Promise<ImageBitmap | null> {
    const { video } = this
    if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || video.currentTime === this.shownAt) return null
    this.shownAt = video.currentTime
    // A camera that ended meanwhile has nothing to show.
    return createImageBitmap(video).catch(() => null)
  }

  give(picture: ImageBitmap): void {
    const { width, height } = picture
    if (this.canvas.width !== width) this.canvas.width = width
    if (this.canvas.height !== height) this.canvas.height = height
    this.context?.drawImage(picture, 0, 0)
    picture.close()
  }

  stop(): void {
    this.track.stop()
    this.video.srcObject = null
  }
}

/** Not in every browser, so not among TypeScript's types. */
interface Transform {
  MediaStreamTrackProcessor?: new (options: { track: MediaStreamTrack; maxBufferSize: number }) => {
    readable: ReadableStream<VideoFrame>
  }
  MediaStreamTrackGenerator?: new (options: { kind: 'video' }) => MediaStreamTrack & {
    writable: WritableStream<VideoFrame>
  }
}

// The page's half of hiding what is behind a person: camera in, a track that may be sent out.

import type { Backdrop, FromWorker, MaskingState, ToWorker } from './messages'
import { newMaskingWorker } from '../../workers'
import { FRAME_BUDGET_MS } from './pace'
import { layPipe, type Pipe } from './pipe'

/** Hides the background of one camera until stopped. */
export class Masker {
  private readonly camera: MediaStreamTrack
  private readonly pipe: Pipe
  private readonly worker = newMaskingWorker()

  /** Reads a copy of `camera`, so that the original may be silenced. */
  constructor(camera: MediaStreamTrack, backdrop: Backdrop, handleState: (state: MaskingState) => void) {
    this.camera = camera.clone()
    this.camera.enabled = true
    try {
      this.pipe = layPipe(this.camera)
    } catch (error) {
      // Nobody else could end them: a camera would stay lit.
      this.worker.terminate()
      this.camera.stop()
      throw error
    }
    this.track.contentHint = 'motion'
    this.worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
      switch (data.type) {
        case 'state':
          handleState(data.state)
          return
        case 'want_frame':
          void this.pipe.take().then((frame) => {
            this.say({ type: 'frame', frame }, frame === null ? [] : [frame])
          })
          return
        case 'picture':
          this.pipe.give(data.picture)
      }
    })
    this.worker.addEventListener('error', () => {
      handleState('failed')
    })
    const { streams } = this.pipe
    this.say(
      { type: 'start', backdrop, budget: FRAME_BUDGET_MS, streams },
      streams === null ? [] : [streams.frames, streams.pictures],
    )
  }

  /** What may be sent: nothing comes of it before a picture is masked, or at least wholly blurred. */
  get track(): MediaStreamTrack {
    return this.pipe.track
  }

  /** Shows something else behind the person, or tries again where it was too slow. */
  show(backdrop: Backdrop): void {
    this.say({ type: 'backdrop', backdrop }, [])
  }

  /** Ends it and its tracks. */
  stop(): void {
    this.worker.terminate()
    this.pipe.stop()
    this.camera.stop()
  }

  private say(message: ToWorker, handed: Transferable[]): void {
    this.worker.postMessage(message, handed)
  }
}

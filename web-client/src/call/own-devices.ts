// The person's own camera and microphone while they are open: what is made of the picture before
// anybody sees it, and whether the microphone is heard. See `Care`.

import { signal } from '@preact/signals'
import type { Background, Care, Input, InputKind, Masking } from './care'
import { changeSound, listInputs, type Wishes } from './devices'
import { Loudness } from './loudness'
import type { Backdrop, MaskingState } from './masking/messages'
import { dismiss, hear, type Hearing, LISTENING } from './silence'

/** Hides the room behind one camera; `Masker` does. */
export interface Mask {
  readonly track: MediaStreamTrack
  show(backdrop: Backdrop): void
  stop(): void
}

/** Makes a mask for a camera. `handleState` hears of it from its first picture on, and of a failure. */
export type Masks = (
  camera: MediaStreamTrack,
  backdrop: () => Backdrop,
  handleState: (state: MaskingState) => void,
) => Promise<Mask>

/** What a change of the devices asks of whoever holds them. */
export interface OwnDevicesHandlers {
  /** Another track stands for the camera: whoever sends it sends this one. */
  handlePicture(): void
  /** The device is wished otherwise than it is open. */
  handleWish(kind: InputKind): void
}

/** See `Care`. */
export class OwnDevices implements Care {
  readonly picture = signal<MediaStream | null>(null)
  readonly level = signal(0)
  readonly background = signal<Background>('none')
  readonly masking = signal<Masking>('off')
  readonly inputs = signal<Readonly<Record<InputKind, readonly Input[]>>>({ microphone: [], camera: [] })
  readonly chosen = signal<Readonly<Record<InputKind, string | null>>>({ microphone: null, camera: null })
  readonly noiseSuppression = signal(true)
  readonly unheard = signal(false)

  private camera: MediaStreamTrack | null = null
  private mask: Mask | null = null
  /** Counts masks begun and given up, so that one that comes too late is known. */
  private turn = 0
  private microphone: MediaStreamTrack | null = null
  private loudness: Loudness | null = null
  private hearing: Hearing = LISTENING
  private listens = false

  constructor(
    private readonly handlers: OwnDevicesHandlers,
    private readonly masks: Masks = makeMask,
  ) {}

  /** What to open, as the person settled it. */
  get wishes(): Wishes {
    return { ...this.chosen.value, noiseSuppression: this.noiseSuppression.value }
  }

  /** Takes what was opened. Nothing of a camera is sharp for others from here on, unless the room may
   * be seen. */
  attach(stream: MediaStream): void {
    const [camera] = stream.getVideoTracks()
    const [microphone] = stream.getAudioTracks()
    if (camera !== undefined) {
      this.detach('camera')
      this.camera = camera
      this.note('camera', camera)
      this.apply()
    }
    if (microphone !== undefined) {
      this.detach('microphone')
      this.microphone = microphone
      this.note('microphone', microphone)
      this.loudness = new Loudness(new MediaStream([microphone]), (level, sound) => {
        this.level.value = level
        this.heard(hear(this.hearing, sound, performance.now()))
      })
    }
    void this.list()
    if (this.listens) return
    this.listens = true
    navigator.mediaDevices.addEventListener('devicechange', () => {
      void this.list()
    })
  }

  /** Lets go of a device that is released. */
  detach(kind: InputKind): void {
    if (kind === 'camera') {
      this.unmask()
      this.camera = null
      this.picture.value = null
      this.masking.value = 'off'
      return
    }
    this.loudness?.stop()
    this.loudness = null
    this.microphone = null
    this.level.value = 0
    this.heard(LISTENING)
  }

  setBackground(background: Background): void {
    const { value: before } = this.background
    this.background.value = background
    if (this.camera !== null && (before !== background || this.masking.value !== 'on')) this.apply()
  }

  choose(kind: InputKind, id: string): void {
    if (this.chosen.value[kind] === id) return
    this.chosen.value = { ...this.chosen.value, [kind]: id }
    this.handlers.handleWish(kind)
  }

  setNoiseSuppression(on: boolean): void {
    if (this.noiseSuppression.value === on) return
    this.noiseSuppression.value = on
    const { microphone } = this
    if (microphone === null) return
    void changeSound(microphone, this.wishes).then((changed) => {
      // Some browsers filter as they did when they opened it.
      if (!changed && this.microphone === microphone) this.handlers.handleWish('microphone')
    })
  }

  dismissUnheard(): void {
    this.heard(dismiss(this.hearing))
  }

  /** Brings the picture in line with the background that was chosen. */
  private apply(): void {
    const { camera } = this
    const background = this.background.value
    if (camera === null) return
    if (background === 'none') {
      this.unmask()
      this.masking.value = 'off'
      camera.enabled = true
      this.show(camera)
      return
    }
    // At once, whatever else takes time: from here on the camera itself gives black pictures, and
    // only the mask's copy of it sees.
    camera.enabled = false
    if (this.mask !== null && this.masking.value !== 'failed') {
      this.mask.show(background)
      return
    }
    this.unmask()
    this.masking.value = 'starting'
    this.show(camera)
    void this.begin(camera)
  }

  private async begin(camera: MediaStreamTrack): Promise<void> {
    const turn = this.turn
    const isWanted = () => this.turn === turn
    try {
      const mask = await this.masks(
        camera,
        () => (this.background.value === 'none' ? 'blur' : this.background.value),
        (state) => {
          if (!isWanted()) return
          this.masking.value = state
          // Not earlier: until something comes of it, others would go on seeing the last sharp picture.
          if (state !== 'failed' && this.mask !== null) this.show(this.mask.track)
        },
      )
      if (isWanted()) this.mask = mask
      else mask.stop()
    } catch {
      if (isWanted()) this.masking.value = 'failed'
    }
  }

  private unmask(): void {
    this.turn += 1
    this.mask?.stop()
    this.mask = null
  }

  private show(track: MediaStreamTrack): void {
    if (this.picture.value?.getVideoTracks()[0] === track) return
    this.picture.value = new MediaStream([track])
    this.handlers.handlePicture()
  }

  private heard(hearing: Hearing): void {
    this.hearing = hearing
    this.unheard.value = hearing.unheard
  }

  /** What the browser opened where nothing was chosen. */
  private note(kind: InputKind, track: MediaStreamTrack): void {
    this.chosen.value = { ...this.chosen.value, [kind]: track.getSettings().deviceId ?? null }
  }

  private async list(): Promise<void> {
    this.inputs.value = await listInputs()
  }
}

/** Fetches what is needed for it only when somebody wants it. */
const makeMask: Masks = async (camera, backdrop, handleState) => {
  const { Masker } = await import('./masking/masker')
  return new Masker(camera, backdrop(), handleState)
}

// Plays the sound that arrives: one hidden element per sound slot. Browsers may refuse sound
// before a click; the next click anywhere in the page then starts it.

/** All sound of a call. */
export class Playback {
  private readonly elements: HTMLAudioElement[] = []
  private blocked = false

  constructor(private readonly handleBlocked: (blocked: boolean) => void) {}

  /** Plays exactly these tracks. */
  play(tracks: readonly MediaStreamTrack[]): void {
    for (const element of this.elements.splice(tracks.length)) {
      element.srcObject = null
      element.remove()
    }
    tracks.forEach((track, index) => {
      const element = (this.elements[index] ??= addElement())
      const current = element.srcObject
      if (current instanceof MediaStream && current.getTracks()[0] === track) return
      element.srcObject = new MediaStream([track])
      this.start(element)
    })
    if (tracks.length === 0) this.setBlocked(false)
  }

  private start(element: HTMLAudioElement): void {
    element.play().catch((error: unknown) => {
      // Any other refusal comes from a newer source or the removal of the element.
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.setBlocked(true)
    })
  }

  private setBlocked(blocked: boolean): void {
    if (blocked === this.blocked) return
    this.blocked = blocked
    for (const type of GESTURES) {
      if (blocked) addEventListener(type, this.handleGesture, true)
      else removeEventListener(type, this.handleGesture, true)
    }
    this.handleBlocked(blocked)
  }

  private readonly handleGesture = (): void => {
    this.setBlocked(false)
    for (const element of this.elements) if (element.paused) this.start(element)
  }
}

function addElement(): HTMLAudioElement {
  const element = new Audio()
  element.autoplay = true
  element.hidden = true
  document.body.append(element)
  return element
}

/** What browsers accept as the person's consent to sound. */
const GESTURES = ['click', 'keydown', 'touchend'] as const

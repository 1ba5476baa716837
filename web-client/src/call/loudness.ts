// How loud the own microphone is, for the meter, and whether it gives any sound at all. Measured in
// the page, from sound that is open anyway; nothing of it leaves.

import { isSound } from './silence'

/** Measures one stream until stopped. */
export class Loudness {
  // Nothing is played, so nothing has to be quick.
  private readonly context = new AudioContext({ latencyHint: 'playback' })
  private readonly analyser = this.context.createAnalyser()
  private readonly samples: Float32Array<ArrayBuffer>
  private readonly timer: ReturnType<typeof setInterval>

  /** `handleLevel` hears a level between 0 and 1 some ten times a second, and whether there was any
   * sound. */
  constructor(stream: MediaStream, handleLevel: (level: number, sound: boolean) => void) {
    this.analyser.fftSize = 1024
    this.samples = new Float32Array(this.analyser.fftSize)
    this.context.createMediaStreamSource(stream).connect(this.analyser)
    this.timer = setInterval(() => {
      // Held back by the browser: what it gives then is no silence.
      if (this.context.state !== 'running') return
      this.analyser.getFloatTimeDomainData(this.samples)
      handleLevel(levelOf(this.samples), isSound(this.samples))
    }, PERIOD_MS)
  }

  /** Stops measuring; the stream itself stays as it is. */
  stop(): void {
    clearInterval(this.timer)
    this.context.close().catch(() => undefined)
  }
}

/** Root mean square on a scale of 50 dB, as ears hear: 0 is silence, 1 is as loud as it gets. */
export function levelOf(samples: Float32Array): number {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  const decibels = 10 * Math.log10(sum / Math.max(samples.length, 1) + 1e-10)
  return Math.min(Math.max(1 + decibels / 50, 0), 1)
}

/** Lower: smoother meter, more work. */
const PERIOD_MS = 100

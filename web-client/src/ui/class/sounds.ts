// Short soft sounds, made on the spot: nothing is fetched.

/** What can be heard. */
export type Sound = 'hand' | 'arrival' | 'knock' | 'end'

/** Plays a sound, unless one began a moment ago. Silent where the browser has not allowed sound yet. */
export function play(sound: Sound): void {
  // Absent where a page is drawn without a browser, whatever the type says.
  if (!('AudioContext' in globalThis)) return
  context ??= new AudioContext()
  const now = context.currentTime
  if (now < quietUntil) return
  quietUntil = now + GAP
  // Nobody waits for it; a browser that wants a click first stays silent.
  void context.resume().catch(() => undefined)
  for (const [index, frequency] of NOTES[sound].entries()) strike(context, frequency, now + index * STEP)
}

/** One note that fades by itself. */
function strike(context: AudioContext, frequency: number, at: number): void {
  const [tone, volume] = [context.createOscillator(), context.createGain()]
  tone.frequency.value = frequency
  volume.gain.setValueAtTime(0, at)
  volume.gain.linearRampToValueAtTime(LOUDNESS, at + 0.02)
  volume.gain.exponentialRampToValueAtTime(0.0001, at + FADE)
  tone.connect(volume).connect(context.destination)
  tone.start(at)
  tone.stop(at + FADE)
}

let context: AudioContext | null = null
let quietUntil = 0

/** Hertz, one after the other. */
const NOTES: Readonly<Record<Sound, readonly number[]>> = {
  hand: [523.25, 659.25],
  arrival: [392],
  knock: [329.63, 329.63],
  end: [659.25, 523.25, 392],
}
/** Seconds between two notes of a sound. */
const STEP = 0.16
/** Seconds until a note is gone. */
const FADE = 0.5
/** Of full scale. Higher: heard over a voice; lower: not heard on a phone. */
const LOUDNESS = 0.08
/** Seconds until the next sound may begin. Lower: a class that arrives at once rattles. */
const GAP = 1.5

// Short soft sounds, made on the spot: nothing is fetched.

/** What can be heard. */
export type Sound = 'hand' | 'arrival' | 'knock' | 'end'

/** Plays a sound, unless one began a moment ago. Silent where the browser has not allowed sound yet. */
export function play(sound: Sound): void {
  // Absent where a page is drawn without a browser, whatever the type says.
  if (!('AudioContext' in globalThis)) return
  // Not the time of the sounds: it stands still between them.
  const asked = performance.now()
  if (asked < quietUntil) return
  quietUntil = asked + GAP_MS
  const device = (context ??= new AudioContext())
  const strikeAll = () => {
    // A browser that wanted a click first does not catch up on what is over.
    if (performance.now() >= asked + GAP_MS) {
      if (performance.now() >= quietUntil) rest(device)
      return
    }
    const notes = NOTES[sound].map((frequency, index) => strike(device, frequency, device.currentTime + index * STEP))
    notes.at(-1)?.addEventListener('ended', () => {
      rest(device)
    })
  }
  // Nobody waits for it.
  void device.resume().then(strikeAll, () => undefined)
}

/** Gives the loudspeaker back until the next sound: an open one costs a phone its battery. */
function rest(device: AudioContext): void {
  void device.suspend().catch(() => undefined)
}

/** One note that fades by itself. */
function strike(context: AudioContext, frequency: number, at: number): OscillatorNode {
  const [tone, volume] = [context.createOscillator(), context.createGain()]
  tone.frequency.value = frequency
  volume.gain.setValueAtTime(0, at)
  volume.gain.linearRampToValueAtTime(LOUDNESS, at + 0.02)
  volume.gain.exponentialRampToValueAtTime(0.0001, at + FADE)
  tone.connect(volume).connect(context.destination)
  tone.start(at)
  tone.stop(at + FADE)
  return tone
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
/** Until the next sound may begin; longer than any sound, which is stopped at its end. Lower: a class
 * that arrives at once rattles. */
const GAP_MS = 1_500

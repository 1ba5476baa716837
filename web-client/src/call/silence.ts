// Whether a microphone that is on gives any sound at all: switched off at the headset, or the wrong
// one. A quiet room is not silence; a dead line is.

/** What is known of an open microphone. */
export interface Hearing {
  /** Since when nothing came, on the clock of `performance.now()`; `null` while something does. */
  readonly silentSince: number | null
  readonly unheard: boolean
  readonly dismissed: boolean
}

/** Just opened. */
export const LISTENING: Hearing = { silentSince: null, unheard: false, dismissed: false }

/** One more look at the microphone. */
export function hear(hearing: Hearing, sound: boolean, at: number): Hearing {
  if (sound) return hearing.silentSince === null ? hearing : { ...hearing, silentSince: null, unheard: false }
  const silentSince = hearing.silentSince ?? at
  const unheard = !hearing.dismissed && at - silentSince >= PATIENCE_MS
  if (silentSince === hearing.silentSince && unheard === hearing.unheard) return hearing
  return { ...hearing, silentSince, unheard }
}

/** The person knows. */
export function dismiss(hearing: Hearing): Hearing {
  return { ...hearing, unheard: false, dismissed: true }
}

/** Anything above the noise of a dead line (-90 dB): a quiet room is louder, also behind the browser's
 * noise suppression. */
export function isSound(samples: Float32Array): boolean {
  return samples.some((sample) => Math.abs(sample) > DEAD_LINE)
}

/** Lower: whoever only breathes between two sentences is bothered; higher: a whole answer is lost. */
const PATIENCE_MS = 8_000
const DEAD_LINE = 10 ** (-90 / 20)

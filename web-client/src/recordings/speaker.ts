/** How loud each person is in one moment. */
export type Levels = ReadonlyMap<string, number>

/** Whose picture is shown next: whoever speaks keeps it until somebody else is clearly louder, and
 * nobody loses it by silence. */
export function nextSpeaker(current: string | null, levels: Levels): string | null {
  let loudest: string | null = null
  for (const [person, level] of levels) {
    if (level >= AUDIBLE_LEVEL && level > (loudest === null ? 0 : (levels.get(loudest) ?? 0))) loudest = person
  }
  if (loudest === null) return current
  const own = current === null ? 0 : (levels.get(current) ?? 0)
  return own >= AUDIBLE_LEVEL && (levels.get(loudest) ?? 0) < own * CLEARLY ? current : loudest
}

/** Softer is a quiet room. */
const AUDIBLE_LEVEL = 0.01
/** Lower: the picture jumps between two who laugh together; higher: it stays with a noisy room. */
const CLEARLY = 1.5

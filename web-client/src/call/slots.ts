// Which receive slot carries what. Slots come in pairs (one for sound, one for picture) that the
// browser plays in step; a pair carries what belongs together: somebody's microphone and camera,
// or a shared screen and its sound. Pure: no WebRTC object here.

import type { TrackId, TrackSource } from '../protocol/generated'
import { nearby, type Participant, type ParticipantId } from './state'

/** Two tracks that belong together. */
export interface Unit {
  readonly participant: ParticipantId
  readonly kind: 'person' | 'screen'
}

/** What one pair of slots shall carry. */
export interface PairContent {
  readonly sound: TrackId | null
  readonly picture: TrackId | null
}

/** Units of everybody else of the own group: those with something on, and those with nothing on yet. */
export function unitsOf(participants: readonly Participant[]): { on: Unit[]; quiet: Unit[] } {
  const on: Unit[] = []
  const quiet: Unit[] = []
  for (const { id, active, isSelf } of nearby(participants)) {
    if (isSelf) continue
    if (active.has('screen') || active.has('screen_audio')) on.push({ participant: id, kind: 'screen' })
    const speaks = active.has('microphone') || active.has('camera')
    ;(speaks ? on : quiet).push({ participant: id, kind: 'person' })
  }
  return { on, quiet }
}

/** Both tracks of a unit. */
export function tracksOf(unit: Unit): { sound: TrackId; picture: TrackId } {
  const [sound, picture]: [TrackSource, TrackSource] =
    unit.kind === 'person' ? ['microphone', 'camera'] : ['screen_audio', 'screen']
  return {
    sound: { participant: unit.participant, source: sound },
    picture: { participant: unit.participant, source: picture },
  }
}

/** Gives units to pairs, and moves none that already has one without need. */
export class PairPool {
  private readonly pairs: (Unit | null)[] = []
  /** When each pair was last emptied, by a counter: the longest empty one is filled first, so that
   * the last frames of the earlier unit are long gone. */
  private readonly emptied: number[] = []
  private clock = 0

  /** Number of pairs. */
  get size(): number {
    return this.pairs.length
  }

  /** Adds empty pairs. */
  grow(count: number): void {
    for (let i = 0; i < count; i++) {
      this.pairs.push(null)
      this.emptied.push(0)
    }
  }

  /**
   * Gives a pair to each unit of `on`, then to those of `quiet` while pairs are free, so that what
   * they turn on shows at once. Returns how many units of `on` got none.
   */
  assign(on: readonly Unit[], quiet: readonly Unit[]): number {
    const onKeys = new Set(on.map(keyOf))
    const quietKeys = new Set(quiet.map(keyOf))
    this.pairs.forEach((unit, index) => {
      if (unit !== null && !onKeys.has(keyOf(unit)) && !quietKeys.has(keyOf(unit))) this.empty(index)
    })
    let missing = 0
    for (const unit of on) {
      if (this.find(unit) !== null) continue
      const index = this.longestEmpty() ?? this.quietOne(onKeys)
      if (index === null) missing += 1
      else this.pairs[index] = unit
    }
    for (const unit of quiet) {
      if (this.find(unit) !== null) continue
      const index = this.longestEmpty()
      if (index === null) break
      this.pairs[index] = unit
    }
    return missing
  }

  /** The unit a pair carries. */
  unitAt(index: number): Unit | null {
    return this.pairs[index] ?? null
  }

  /** The pair that carries a unit. */
  find(unit: Unit): number | null {
    const index = this.pairs.findIndex((other) => other !== null && keyOf(other) === keyOf(unit))
    return index < 0 ? null : index
  }

  private empty(index: number): void {
    this.pairs[index] = null
    this.emptied[index] = ++this.clock
  }

  private longestEmpty(): number | null {
    let best: number | null = null
    this.pairs.forEach((unit, index) => {
      if (unit !== null) return
      if (best === null || (this.emptied[index] ?? 0) < (this.emptied[best] ?? 0)) best = index
    })
    return best
  }

  /** A pair held by a unit with nothing on, emptied. */
  private quietOne(onKeys: ReadonlySet<string>): number | null {
    const index = this.pairs.findIndex((unit) => unit !== null && !onKeys.has(keyOf(unit)))
    if (index < 0) return null
    this.empty(index)
    return index
  }
}

function keyOf(unit: Unit): string {
  return `${unit.participant} ${unit.kind}`
}

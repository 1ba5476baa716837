// Who has the word, so that a picture may follow it without flicker; and who had it lately. Pure: the
// time is an argument.

import type { ParticipantId } from '../../call/state'

/** What is known of the conversation. */
export interface Turns {
  /** Who has the word: whoever had it last, until somebody else speaks for a while. */
  readonly floor: ParticipantId | null
  /** Since when they have it; nobody else gets it so soon. */
  readonly floorSince: number | null
  /** Since when the floor has been silent. */
  readonly quietSince: number | null
  /** Who is speaking, and since when; short pauses of the floor do not count. */
  readonly began: ReadonlyMap<ParticipantId, number>
  /** Who had the word lately, and when last. */
  readonly spoke: ReadonlyMap<ParticipantId, number>
  /** The same people, renewed only when somebody joins them: what is ordered by it stays calm. */
  readonly recent: ReadonlySet<ParticipantId>
}

/** Nobody has spoken. */
export const SILENCE: Turns = {
  floor: null,
  floorSince: null,
  quietSince: null,
  began: new Map(),
  spoke: new Map(),
  recent: new Set(),
}

/** One look at who speaks, in milliseconds of any clock. */
export function hear(turns: Turns, speaking: ReadonlySet<ParticipantId>, now: number): Turns {
  const { floor } = turns
  const quietSince = floor === null || speaking.has(floor) ? null : (turns.quietSince ?? now)
  const began = new Map([...speaking].map((id) => [id, turns.began.get(id) ?? now]))
  const start = floor === null ? undefined : turns.began.get(floor)
  if (floor !== null && start !== undefined && quietSince !== null && now - quietSince < TURN_MS) began.set(floor, start)
  const talking = [...began].filter(([, at]) => now - at >= TURN_MS)
  // Of several, the one who began last: whoever talked before has had their turn.
  const [last] = [...talking].sort(([, one], [, other]) => other - one)
  const settled = turns.floorSince === null || now - turns.floorSince >= TURN_MS
  const next = (settled ? last?.[0] : floor) ?? floor ?? [...speaking][0] ?? null
  const spoke = new Map([...turns.spoke, ...talking.map(([id]) => [id, now] as const)])
  const same = talking.every(([id]) => turns.recent.has(id))
  const lately = same ? spoke : new Map([...spoke].filter(([, at]) => now - at < RECENT_MS))
  return {
    floor: next,
    floorSince: next === floor ? turns.floorSince : now,
    quietSince: next === floor ? quietSince : null,
    began,
    spoke: lately,
    recent: same ? turns.recent : new Set(lately.keys()),
  }
}

/** After how many milliseconds to look again though nothing is heard; `null`: not before. */
export function untilNextLook({ began, quietSince, floorSince }: Turns, now: number): number | null {
  const moments = [...began.values(), quietSince, floorSince].filter((at) => at !== null)
  const ahead = moments.map((at) => at + TURN_MS - now).filter((wait) => wait > 0)
  return ahead.length === 0 ? null : Math.min(...ahead)
}

/** So long one speaks before the picture follows. Lower: it jumps at each "yes"; higher: it lags. */
const TURN_MS = 1_500
/** So long whoever had the word stays in front. Lower: the pages move more often. */
const RECENT_MS = 120_000

// Who is shown large and who small, for each layout. Pure.

import type { Participant, ParticipantId } from '../../call/state'

/** The layouts, in the order in which they are offered. */
export const LAYOUTS = ['grid', 'speaker', 'strip', 'presenter'] as const

/**
 * How the scene is shared out.
 *
 * - `grid`: everybody alike; a shared screen takes one half.
 * - `speaker`: whoever has the word large, the others in a strip.
 * - `strip`: one large picture that stays (the shared screen, else the teacher), the others in a strip.
 * - `presenter`: whoever shares, or the teacher, with the shared screen, and nobody else.
 */
export type Layout = (typeof LAYOUTS)[number]

/** What there is to look at. */
export interface Sight {
  /** Oneself first, then in order of arrival. */
  readonly people: readonly Participant[]
  /** Whose screen is looked at. */
  readonly sharer: ParticipantId | null
  /** Who has the word. */
  readonly floor: ParticipantId | null
  /** Whom one pinned on this page, in that order. */
  readonly pins: readonly ParticipantId[]
  /** Whom the moderators show large to everybody. */
  readonly spotlight: ParticipantId | null
  /** What one chose; `null`: what suits. */
  readonly layout: Layout | null
}

/** Who is where. */
export interface Arrangement {
  readonly layout: Layout
  readonly large: readonly Participant[]
  readonly small: readonly Participant[]
  /** People this layout leaves out. */
  readonly hidden: number
}

/** Shares the scene out. One's own pins go before the spotlight, and both before the layout's choice. */
export function arrange(sight: Sight): Arrangement {
  const { people, sharer } = sight
  const layout = sight.layout ?? (sharer === null ? 'grid' : 'strip')
  const chosen = chosenOf(sight)
  const large = chosen.length > 0 ? chosen : ledBy(layout, sight)
  const rest = people.filter((person) => !large.includes(person))
  return layout === 'presenter'
    ? { layout, large, small: [], hidden: rest.length }
    : { layout, large, small: rest, hidden: 0 }
}

function chosenOf({ people, pins, spotlight }: Sight): Participant[] {
  const pinned = found(people, ...pins)
  if (pinned.length > 0) return pinned
  // In the spotlight oneself, one wants to see the class as before: a mark on the own tile says it.
  return found(people, spotlight).filter(({ isSelf }) => !isSelf)
}

function ledBy(layout: Layout, { people, sharer, floor }: Sight): Participant[] {
  const others = people.filter(({ isSelf }) => !isSelf)
  const teacher = others.find(({ role }) => role === 'moderator')
  const [first] = others
  switch (layout) {
    case 'grid':
      return []
    case 'speaker':
      return some(found(people, floor)[0] ?? teacher ?? first)
    case 'strip':
      return sharer === null ? some(teacher ?? first) : []
    case 'presenter':
      return some(found(people, sharer)[0] ?? teacher ?? found(people, floor)[0] ?? first ?? people[0])
  }
}

function found(people: readonly Participant[], ...ids: readonly (ParticipantId | null)[]): Participant[] {
  return ids.flatMap((id) => some(people.find((person) => person.id === id)))
}

function some<Value>(value: Value | undefined): Value[] {
  return value === undefined ? [] : [value]
}

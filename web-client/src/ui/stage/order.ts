// On which page of tiles each person stands, and where. Pure.

import type { Participant, ParticipantId } from '../../call/state'

/**
 * Everybody in the order of the pages: oneself, who spoke lately, whose camera is on, moderators, the
 * others. Whoever is on the right page already (`before`) keeps their place there, and when all fit
 * on one page nobody ever moves.
 */
export function ordered(
  before: readonly ParticipantId[],
  people: readonly Participant[],
  recent: ReadonlySet<ParticipantId>,
  perPage: number,
): Participant[] {
  const wanted =
    people.length <= perPage ? people : [...people].sort((one, other) => rank(one, recent) - rank(other, recent))
  const order: Participant[] = []
  for (let start = 0; start < wanted.length; start += perPage) {
    const here = wanted.slice(start, start + perPage)
    const places = before.slice(start, start + perPage)
    const coming = here.filter(({ id }) => !places.includes(id))
    for (const id of places) {
      const person = here.find((one) => one.id === id) ?? coming.shift()
      if (person !== undefined) order.push(person)
    }
    order.push(...coming)
  }
  return order
}

function rank({ id, isSelf, active, role }: Participant, recent: ReadonlySet<ParticipantId>): number {
  if (isSelf) return 0
  if (recent.has(id)) return 1
  if (active.has('camera')) return 2
  return role === 'moderator' ? 3 : 4
}

// Who goes into which group, at random. Pure but for what it is given to draw with.

/** Draws a whole number from 0 and below `below`, all as likely. */
export type Draw = (below: number) => number

/** Most groups at once, as the server has it. */
export const MAX_GROUPS = 30

/** Splits into `count` groups of sizes that differ by one at most. */
export function splitAtRandom<Id>(people: readonly Id[], count: number, draw: Draw): ReadonlyMap<Id, number> {
  // Fisher and Yates: every order is as likely.
  const order = [...people]
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = draw(last + 1)
    const [a, b] = [order[last], order[other]]
    if (a === undefined || b === undefined) throw new Error('drawn beyond the list')
    order[last] = b
    order[other] = a
  }
  return new Map(order.map((one, place) => [one, place % count]))
}

/** How many groups to begin with: about four people in each. */
export function usualCount(people: number): number {
  return Math.min(MAX_GROUPS, Math.max(2, Math.round(people / 4)))
}

/** Draws with the browser's generator for keys. */
export const drawSecurely: Draw = (below) => {
  const range = 2 ** 32
  // What remains above the last whole multiple would make small numbers likelier.
  const fair = range - (range % below)
  const drawn = new Uint32Array(1)
  do crypto.getRandomValues(drawn)
  while ((drawn[0] ?? 0) >= fair)
  return (drawn[0] ?? 0) % below
}

// The gestures and opinions there are, with their icon and name.

import type { ShownReaction } from '../../call/class-life'
import type { TextKey } from '../../i18n'
import type { Opinion, Reaction } from '../../protocol/generated'
import type { IconName } from '../icons'

interface Kind<Name> {
  readonly name: Name
  readonly icon: IconName
  readonly label: TextKey
}

/** Gestures, in the order in which they are offered. */
export const REACTIONS: readonly Kind<Reaction>[] = [
  { name: 'agree', icon: 'thumb', label: 'react.agree' },
  { name: 'applause', icon: 'applause', label: 'react.applause' },
  { name: 'heart', icon: 'heart', label: 'react.heart' },
  { name: 'laugh', icon: 'laugh', label: 'react.laugh' },
  { name: 'surprise', icon: 'surprise', label: 'react.surprise' },
  { name: 'celebrate', icon: 'celebrate', label: 'react.celebrate' },
]

/** Opinions, in the order in which they are offered. */
export const OPINIONS: readonly Kind<Opinion>[] = [
  { name: 'yes', icon: 'check', label: 'opinion.yes' },
  { name: 'no', icon: 'close', label: 'opinion.no' },
  { name: 'slower', icon: 'slower', label: 'opinion.slower' },
  { name: 'faster', icon: 'faster', label: 'opinion.faster' },
]

/** How long a gesture is shown. Longer: a lively class covers the pictures; shorter: missed by whoever
 * looks at something else. */
export const SHOWN_MS = 4_000

/** Gestures of one kind that are shown together. */
export interface Heap {
  readonly reaction: Reaction
  readonly icon: IconName
  readonly label: TextKey
  /** Who made it first of those shown. */
  readonly first: string
  /** How many did. */
  readonly count: number
}

/** Gestures that are still shown, one heap for each kind; a class that applauds is one line. Pure. */
export function heapsOf(reactions: readonly ShownReaction[], now: number): readonly Heap[] {
  const shown = reactions.filter(({ at }) => now - at < SHOWN_MS)
  return REACTIONS.flatMap(({ name, icon, label }) => {
    const same = shown.filter(({ reaction }) => reaction === name)
    const people = new Set(same.map(({ participant }) => participant))
    const [first] = same
    return first === undefined ? [] : [{ reaction: name, icon, label, first: first.displayName, count: people.size }]
  })
}

// Who reads a line that is still being written, when the room changes meanwhile. Pure.

import type { CallState } from '../../call/state'
import type { ChatAudience } from '../../protocol/generated'

/** What decides who reads a line to everybody. */
export interface ChatReach {
  /** Whether one may write to everybody. */
  readonly allowed: boolean
  /** The own group: "everybody" is its members. */
  readonly group: number | null
}

/** How far the own lines reach now. */
export function reachOf({ rights, participants }: CallState): ChatReach {
  return {
    allowed: rights?.chat !== false,
    group: participants.find(({ isSelf }) => isSelf)?.group ?? null,
  }
}

/** The audience after a change of the room. It never widens by itself: what was begun for a few is
 * sent to more only when the person chooses so. */
export function audienceAfter(audience: ChatAudience, writing: boolean, before: ChatReach, now: ChatReach): ChatAudience {
  if (!now.allowed) return 'moderators'
  const otherReaders = before.group !== null && now.group !== before.group
  return writing && otherReaders ? 'moderators' : audience
}

// What the moderators' own controls share: which question is open and what was done last.

import { type Signal, useSignal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import type { Participant, ParticipantId } from '../../call/state'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import type { TrackSource } from '../../protocol/generated'

/** What a person turns on and off as one. */
export type Device = Exclude<TrackSource, 'screen_audio'>

/** A dialog that only moderators open. */
export type ModeratorDialog =
  | { name: 'eject'; participant: Participant }
  | { name: 'intrusion' }
  | { name: 'incident'; about: ParticipantId | null }

/** One per room screen. */
export interface Moderation {
  readonly dialog: Signal<ModeratorDialog | null>
  /** What was done last, for the line that says so. */
  readonly said: Signal<string>
  /** Whom this page has put out: it says so itself, and not once more that they are gone. */
  readonly putOut: Set<ParticipantId>
}

/** Makes them, closed and empty. */
export function useModeration(): Moderation {
  return {
    dialog: useSignal<ModeratorDialog | null>(null),
    said: useSignal(''),
    putOut: useMemo(() => new Set<ParticipantId>(), []),
  }
}

/** Sends somebody out; true when they are. */
export async function putOut(call: Call, moderation: Moderation, { id }: Participant): Promise<boolean> {
  // First: that they are gone is told before the answer.
  moderation.putOut.add(id)
  const isOut = await call.ask({ type: 'eject', participant: id })
  if (!isOut) moderation.putOut.delete(id)
  return isOut
}

/** Allows one guest what the rules do not, or takes that back. */
export function allow(call: Call, { id }: Participant, device: Device, granted: boolean): Promise<boolean> {
  return call.ask({ type: 'grant', participant: id, source: device, granted })
}

/** Asks somebody to speak or to show something, and allows it where the rules do not: an invitation
 * that leads nowhere would be unkind. Their own click decides. */
export async function invite(call: Call, moderation: Moderation, who: Participant, device: Device): Promise<void> {
  const open = call.state.value.rules?.open.guests[device] ?? true
  if (!open && who.role === 'guest' && !(await allow(call, who, device, true))) return
  if (await call.ask({ type: 'invite', participant: who.id, source: device })) {
    moderation.said.value = t('mod.invited', { name: who.displayName })
  }
}

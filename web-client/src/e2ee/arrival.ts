// Whose word this page takes for what goes on when it comes in, or back: that of whoever let it in, or of
// somebody whom it asked itself, never of whoever says it first.

import type { ParticipantId } from './admission'

/** What it works with. */
export interface ArrivalAround {
  /** The other members, those first who may say most. */
  line(): readonly ParticipantId[]
  /** Asks one of them. */
  ask(participant: ParticipantId): void
}

/** Whom this page asks, and whom it believes. */
export class Arrival {
  /** Until when somebody is believed, once. */
  private readonly believed = new Map<ParticipantId, number>()
  private readonly asked = new Set<ParticipantId>()
  /** When to ask the next one; `null` where nobody is to be asked. */
  private askAt: number | null = null

  constructor(private readonly around: ArrivalAround) {}

  /** This page came in through somebody, who tells it without being asked. */
  expect(participant: ParticipantId, now: number): void {
    this.believed.set(participant, now + PATIENCE_MS)
  }

  /** Asks one after the other, until somebody tells. */
  ask(now: number): void {
    this.asked.clear()
    this.askAt = now
    this.wake(now)
  }

  /** True where `participant` is believed now. Others are believed after them only where a moderator
   * could say more. */
  takes(participant: ParticipantId, isModerator: boolean, now: number): boolean {
    const until = this.believed.get(participant)
    if (until === undefined || now > until) return false
    this.believed.delete(participant)
    if (isModerator) this.believed.clear()
    if (isModerator || this.asked.has(participant)) this.askAt = null
    return true
  }

  /** When `wake` is to be called; `Infinity` for never. */
  get wakeAt(): number {
    return this.askAt ?? Infinity
  }

  /** Asks the next one, when it is time. */
  wake(now: number): void {
    if (this.askAt === null || now < this.askAt) return
    const next = this.asked.size < MOST_ASKED ? this.around.line().find((one) => !this.asked.has(one)) : undefined
    if (next === undefined) {
      this.askAt = null
      return
    }
    this.asked.add(next)
    this.expect(next, now)
    this.askAt = now + ANSWER_MS
    this.around.ask(next)
  }

  /** The circle is gone: another one tells anew. */
  forget(): void {
    this.believed.clear()
    this.asked.clear()
    this.askAt = null
  }
}

/** How long somebody has to tell. Lower: whoever let a class in at once has not told everybody. Higher:
 * longer for a member to make it up. */
const PATIENCE_MS = 10_000
/** How long one has to answer before the next is asked too. Lower: more answers than are needed. */
const ANSWER_MS = 2_000
/** How many are asked: the first may be cut off as well. */
const MOST_ASKED = 3

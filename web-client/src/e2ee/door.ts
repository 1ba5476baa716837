// Whom this page gives its word: those who ask for it, and those who get it without another click.

import { signal } from '@preact/signals'
import type { ParticipantId } from './admission'
import type { Trust } from './trust'

/** A moderator's page lets others into the circle. */
export class Door {
  /** Those who have nobody's word yet, with their member key. */
  readonly asking = signal<ReadonlyMap<ParticipantId, string>>(new Map())
  /** Those whom this person let in by a click, with the member key that the click was for: whoever
   * comes with another one may be somebody else. */
  private readonly admitted = new Map<ParticipantId, string>()

  constructor(
    private readonly trust: Trust,
    /** Hands an admission to whom it is for. */
    private readonly give: (participant: ParticipantId, admission: string) => Promise<unknown>,
  ) {}

  /** This person lets them into the room by a click. */
  async admit(candidates: readonly { participant: ParticipantId; memberKey: string }[]): Promise<{ participant: ParticipantId; admission: string }[]> {
    const given: { participant: ParticipantId; admission: string }[] = []
    for (const { participant, memberKey } of candidates) {
      this.admitted.set(participant, memberKey)
      const admission = await this.trust.admit(participant, memberKey, 'guest')
      if (admission !== null) given.push({ participant, admission })
    }
    return given
  }

  /** This person lets in one of those who ask. */
  async grant(participant: ParticipantId): Promise<void> {
    const memberKey = this.asking.value.get(participant)
    if (memberKey === undefined) return
    this.admitted.set(participant, memberKey)
    await this.answer(participant, memberKey)
  }

  /** Somebody asks; where there is no lobby, no click is needed. */
  async asked(participant: ParticipantId, memberKey: string, lobby: boolean): Promise<void> {
    if (!this.trust.canAdmit) return
    if (!lobby || this.admitted.get(participant) === memberKey) await this.answer(participant, memberKey)
    else this.asking.value = new Map(this.asking.value).set(participant, memberKey)
  }

  /** They are gone, or have somebody's word. */
  stopAsking(participant: ParticipantId): void {
    if (!this.asking.value.has(participant)) return
    this.asking.value = new Map([...this.asking.value].filter(([one]) => one !== participant))
  }

  private async answer(participant: ParticipantId, memberKey: string): Promise<void> {
    const admission = await this.trust.admit(participant, memberKey, 'guest')
    if (admission !== null) await this.give(participant, admission)
    this.stopAsking(participant)
  }
}

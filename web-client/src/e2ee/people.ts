// Who is here, as the server says, and who is a member, as the leaves say.

import { computed, signal } from '@preact/signals'
import type { Role } from '../protocol/generated'
import type { ParticipantId } from './admission'
import type { Bytes } from './bytes'
import type { Epoch, Leaf } from './epoch'
import type { MemberInfo } from './session-types'

/** Those in one room. */
export class People {
  readonly members = signal<ReadonlyMap<ParticipantId, MemberInfo>>(new Map())
  readonly counts = computed(() => {
    const present = [...this.present.value.keys()]
    return { present: present.length, encrypted: present.filter((one) => this.members.value.has(one)).length }
  })
  /** Who is here, with the role the server gives them; oneself included. */
  private readonly present = signal<ReadonlyMap<ParticipantId, Role>>(new Map())
  /** Delegates' proofs. */
  private readonly proofs = new Map<ParticipantId, Bytes>()

  /** `handleModerator` hears of members who are moderators and were none. */
  constructor(private readonly handleModerator: (participant: ParticipantId) => void) {}

  /** The proofs of delegates. */
  get delegates(): [ParticipantId, Bytes][] {
    return [...this.proofs]
  }

  /** True where the server says that they are here. */
  isHere(participant: ParticipantId): boolean {
    return this.present.peek().has(participant)
  }

  /** True where the server says that they are a moderator. */
  isModerator(participant: ParticipantId): boolean {
    return this.present.peek().get(participant) === 'moderator'
  }

  /** The server names everybody. */
  enter(everybody: readonly { readonly participant: ParticipantId; readonly role: Role }[]): void {
    this.present.value = new Map(everybody.map(({ participant, role }) => [participant, role]))
  }

  /** Somebody is here with a role, or gone (`null`). */
  setRole(participant: ParticipantId, role: Role | null): void {
    const present = new Map(this.present.value)
    if (role === null) present.delete(participant)
    else present.set(participant, role)
    this.present.value = present
    if (role !== 'moderator') this.proofs.delete(participant)
  }

  /** True where the proof is known that makes somebody a delegate. */
  hasProof(participant: ParticipantId): boolean {
    return this.proofs.has(participant)
  }

  /** A proof that was checked; `show` is to follow. */
  addProof(participant: ParticipantId, admission: Bytes): void {
    this.proofs.set(participant, admission)
  }

  /** What a member may do: as their leaf or the host key proves it, and never more than the server says
   * they may. */
  roleOf(participant: ParticipantId): Role {
    return this.members.value.get(participant)?.role ?? 'guest'
  }

  /** Members who are moderators. */
  get moderators(): ParticipantId[] {
    return [...this.members.peek().values()].flatMap(({ participant, role }) => (role === 'moderator' ? [participant] : []))
  }

  /** The members are those of an epoch; of none outside the circle. */
  show(epoch: Epoch | null): void {
    const before = this.members.value
    const now = new Map<ParticipantId, MemberInfo>()
    for (const { leaf, credential } of epoch?.leaves.values() ?? []) {
      const { participant, admission } = credential
      const isProven = admission.role === 'moderator' || this.proofs.has(participant)
      const role = isProven && this.isModerator(participant) ? 'moderator' : 'guest'
      now.set(participant, { participant, leaf, role })
      if (before.get(participant)?.role === 'guest' && role === 'moderator') this.handleModerator(participant)
    }
    this.members.value = now
  }

  /** The circle is gone. */
  forget(): void {
    this.proofs.clear()
    this.members.value = new Map()
  }
}

/** True for those whom the moderator link itself made one. */
export function isHost({ credential: { admission } }: Leaf): boolean {
  return admission.role === 'moderator' && admission.proof.kind === 'host'
}

// What only the holder of the moderator link can do: the links of the room, and whose personal link
// is whose. Names stay in this page, and in this browser's storage where the room is kept there.

import { computed, type ReadonlySignal, signal } from '@preact/signals'
import { DELEGATION_SECONDS, signDelegation } from '../host-key'
import { changeKept, type KeepOutcome, keepRoom, keptRooms } from '../keep'
import { type KeptPupil, type KeptRoom, keptSecret, MAX_PUPILS } from '../kept-rooms'
import {
  buildLink,
  deriveGuestSecret,
  deriveHandleProof,
  deriveProof,
  deriveVerifier,
  type Link,
  makeSecret,
  toBase64Url,
} from '../link'
import type { Request } from '../protocol/connection'
import type { Role } from '../protocol/generated'
import type { CallState, ParticipantId } from './state'

/** Somebody with a personal link. */
export interface Pupil {
  readonly name: string
  /** The link's own secret, as in it. */
  readonly admission: string
  /** What the server knows of it; stands beside a participant who came by it. */
  readonly handle: string
}

/** Whom to give a personal link; with the secret of one they have already, it is made good again. */
export interface NewPupil {
  readonly name: string
  readonly admission: string | null
}

/** Why something is not kept. */
export type KeepFault = Exclude<KeepOutcome, 'kept'>

/** What the holder of the moderator link can do. */
export interface HostTools {
  /** Name of the room. */
  readonly room: string
  /** Who has a personal link, in the order in which they were written. */
  readonly pupils: ReadonlySignal<readonly Pupil[]>
  /** True when this room is kept in this browser. */
  readonly kept: ReadonlySignal<boolean>
  /** The personal link of somebody, at the address that other devices reach; `null` while it is not
   * known which guest link is good. */
  linkOf(pupil: Pupil): string | null
  /** Who came by a personal link, as the teacher wrote it; `null` for anybody else. */
  nameOf(handle: string | null): string | null
  /** Replaces the guest link: nobody new enters with the old one. True when done. */
  rotateLink(): Promise<boolean>
  /** Gives personal links; at most `MAX_PUPILS` in a room. True when done. */
  addPupils(pupils: readonly NewPupil[]): Promise<boolean>
  /** Ends a personal link and sends out whoever came by it. True when done. */
  revokePupil(pupil: Pupil): Promise<boolean>
  /** Passes the role on to somebody, signed by the host key, or takes it back. True when done. */
  setRole(participant: ParticipantId, role: Role): Promise<boolean>
  /** Why the last change is not kept in this browser, where this room is; `null` when it is. */
  readonly keepFault: ReadonlySignal<KeepFault | null>
  /** Keeps this room in this browser, under a title. */
  keep(title: string): KeepOutcome
}

/** What a host works with. */
export interface HostSurroundings {
  readonly state: ReadonlySignal<CallState>
  /** Where links lead; `null` until known. */
  readonly origin: ReadonlySignal<string | null>
  ask(request: Request): Promise<boolean>
}

/** See `HostTools`. */
export class Host implements HostTools {
  readonly pupils = signal<readonly Pupil[]>([])
  readonly keepFault = signal<KeepFault | null>(null)
  readonly kept = computed(() => this.keptRoom() !== undefined)
  /** `null` until it is known which generation is good. */
  readonly guestSecret = signal<Uint8Array<ArrayBuffer> | null>(null)
  private readonly names = computed(() => new Map(this.pupils.value.map(({ handle, name }) => [handle, name])))
  readonly room: string
  /** The newest generation heard of. */
  private generation = -1

  constructor(
    /** The moderator link. */
    private readonly link: Link,
    private readonly around: HostSurroundings,
  ) {
    this.room = link.room
    const kept = this.keptRoom()
    if (kept === undefined) return
    void this.follow(kept.generation)
    void withHandles(kept.pupils).then((pupils) => {
      this.pupils.value = [...pupils, ...this.pupils.value]
    })
  }

  /** The server says which generation of the guest link is good. */
  async follow(generation: number): Promise<void> {
    if (generation === this.generation) return
    this.generation = generation
    const secret = await deriveGuestSecret(this.link.secret, generation)
    // Another one was heard of meanwhile.
    if (generation !== this.generation) return
    this.guestSecret.value = secret
    if (this.keptRoom()?.generation !== generation) this.change((room) => ({ ...room, generation }))
  }

  /** A participant was sent out for good, and their personal link with them. */
  ended(handle: string): void {
    const pupil = this.pupils.value.find((one) => one.handle === handle)
    if (pupil !== undefined) this.drop(pupil)
  }

  linkOf({ admission }: Pupil): string | null {
    const origin = this.around.origin.value
    const secret = this.guestSecret.value
    if (origin === null || secret === null) return null
    return buildLink(origin, { room: this.room, role: 'guest', secret, admission: keptSecret(admission) })
  }

  nameOf(handle: string | null): string | null {
    return handle === null ? null : (this.names.value.get(handle) ?? null)
  }

  async rotateLink(): Promise<boolean> {
    const generation = this.around.state.value.linkGeneration + 1
    const guestVerifier = await deriveVerifier(await deriveProof(await deriveGuestSecret(this.link.secret, generation)))
    const done = await this.around.ask({ type: 'rotate_link', guestVerifier, generation })
    if (done) await this.follow(generation)
    return done
  }

  async addPupils(wanted: readonly NewPupil[]): Promise<boolean> {
    const known = new Set(this.pupils.value.map(({ admission }) => admission))
    const added = await withHandles(
      wanted
        .map(({ name, admission }) => ({ name, admission: admission ?? toBase64Url(makeSecret()) }))
        .filter(({ admission }) => !known.has(admission)),
    )
    if (added.length === 0) return true
    if (known.size + added.length > MAX_PUPILS) return false
    const done = await this.around.ask({ type: 'add_handles', handles: added.map(({ handle }) => handle) })
    if (!done) return false
    this.pupils.value = [...this.pupils.value, ...added]
    // Another tab may have added some to what is kept.
    this.change(({ pupils, ...room }) =>
      pupils.length + added.length > MAX_PUPILS ? null : { ...room, pupils: [...pupils, ...added.map(keptPupil)] },
    )
    return true
  }

  async revokePupil(pupil: Pupil): Promise<boolean> {
    const done = await this.around.ask({ type: 'revoke_handle', handle: pupil.handle })
    if (done) this.drop(pupil)
    return done
  }

  async setRole(participant: ParticipantId, role: Role): Promise<boolean> {
    const expiresAt = Math.floor(Date.now() / 1000) + DELEGATION_SECONDS
    const delegation =
      role === 'moderator' ? await signDelegation(this.link.secret, this.room, participant, expiresAt) : null
    return this.around.ask({ type: 'set_role', participant, role, delegation })
  }

  keep(title: string): KeepOutcome {
    const { rules, linkGeneration } = this.around.state.value
    if (rules === null) return 'blocked'
    return keepRoom({
      room: this.room,
      moderator: toBase64Url(this.link.secret),
      title,
      profile: rules.profile,
      endsAt: this.keptRoom()?.endsAt ?? null,
      generation: linkGeneration,
      pupils: this.pupils.value.map(keptPupil),
    })
  }

  private drop({ admission }: Pupil): void {
    this.pupils.value = this.pupils.value.filter((one) => one.admission !== admission)
    this.change((room) => ({ ...room, pupils: room.pupils.filter((one) => one.admission !== admission) }))
  }

  /** Changes what is kept of this room; `null` where there is no place for it. */
  private change(to: (kept: KeptRoom) => KeptRoom | null): void {
    const outcome = changeKept(this.room, to)
    this.keepFault.value = outcome === 'kept' ? null : outcome
  }

  private keptRoom() {
    return keptRooms().value.rooms.find(({ room }) => room === this.room)
  }
}

function keptPupil({ name, admission }: KeptPupil): KeptPupil {
  return { name, admission }
}

async function withHandles(pupils: readonly KeptPupil[]): Promise<readonly Pupil[]> {
  return Promise.all(
    pupils.map(async ({ name, admission }) => {
      const handle = await deriveVerifier(await deriveHandleProof(keptSecret(admission)))
      return { name, admission, handle }
    }),
  )
}

// What only the holder of the moderator link can do: the links of the room, and whose personal link
// is whose. Names stay in this page, and in this browser's storage where the room is kept there.

import { computed, type ReadonlySignal, signal } from '@preact/signals'
import { signRecording } from '../e2ee/recipients'
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
  type LinkEncryption,
  makeSecret,
  toBase64Url,
} from '../link'
import type { Request } from '../protocol/connection'
import type { RecipientInfo, RecordingTerms, Role } from '../protocol/generated'
import { recordingsLink } from '../recordings/access'
import type { CallState, ParticipantId, Problem } from './state'

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

/** A recording that may be started. */
export interface PreparedRecording {
  readonly recording: string
  /** The public half of its key, as everybody will be shown it. */
  readonly recipient: string
}

/** What is asked of everybody. */
export interface RecordingWish {
  readonly prepared: PreparedRecording
  readonly terms: RecordingTerms
  /** The keys beside one's own that open it, as the person who asks was shown them. */
  readonly establishment: readonly RecipientInfo[]
  readonly authorisations: boolean
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
  /** Chooses the name and the key of a recording to come. */
  prepareRecording(): Promise<PreparedRecording>
  /** Starts a recording; `null` when it runs, or why not. In an encrypted room the host key signs all
   * that was shown: the terms and the establishment's keys, under their names. What was prepared is good
   * for one try: the server may have taken the name all the same. */
  startRecording(wish: RecordingWish): Promise<Problem | null>
  /** Where the recordings of this room are looked at. */
  readonly recordings: string
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
  /** Asks the server: `null` when it is done, or why not. */
  refusalOf(request: Request): Promise<Problem | null>
}

/** See `HostTools`. */
export class Host implements HostTools {
  readonly pupils = signal<readonly Pupil[]>([])
  readonly keepFault = signal<KeepFault | null>(null)
  readonly kept = computed(() => this.keptRoom() !== undefined)
  /** `null` until it is known which generation is good. */
  readonly guestSecret = signal<Uint8Array<ArrayBuffer> | null>(null)
  /** What guest links say of the encryption; `undefined` until it is known. */
  readonly encryption = signal<LinkEncryption | null | undefined>(undefined)
  /** The host key's word on each personal link of an encrypted room, by the link's own secret. */
  private readonly certificates = signal<ReadonlyMap<string, Uint8Array<ArrayBuffer>>>(new Map())
  private readonly names = computed(() => new Map(this.pupils.value.map(({ handle, name }) => [handle, name])))
  readonly room: string
  readonly recordings: string
  /** The newest generation heard of. */
  private generation = -1

  constructor(
    /** The moderator link. */
    private readonly link: Link,
    private readonly around: HostSurroundings,
  ) {
    this.room = link.room
    this.recordings = recordingsLink(link)
    if (link.encryption === null) this.encryption.value = null
    else {
      void linkKeys().then(async ({ linkFingerprint }) => {
        this.encryption.value = link.encryption === null ? null : { ...link.encryption, fingerprint: await linkFingerprint(link) }
      })
    }
    const kept = this.keptRoom()
    if (kept === undefined) return
    void this.follow(kept.generation)
    void withHandles(kept.pupils).then(async (pupils) => {
      await this.certify(pupils)
      this.pupils.value = [...pupils, ...this.pupils.value]
    })
  }

  /** The server says which generation of the guest link is good: never one that was replaced, whatever it
   * says, for whoever has that one shall not come in again. */
  async follow(generation: number): Promise<void> {
    if (generation <= this.generation) return
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
    const encryption = this.encryption.value
    if (origin === null || secret === null || encryption === undefined) return null
    const certificate = this.certificates.value.get(admission)
    if (encryption !== null && certificate === undefined) return null
    return buildLink(origin, {
      room: this.room,
      role: 'guest',
      secret,
      admission: keptSecret(admission),
      encryption: encryption === null ? null : { ...encryption, certificate: certificate ?? null },
    })
  }

  nameOf(handle: string | null): string | null {
    return handle === null ? null : (this.names.value.get(handle) ?? null)
  }

  async rotateLink(): Promise<boolean> {
    const generation = Math.max(this.around.state.value.linkGeneration, this.generation) + 1
    const guestVerifier = await deriveVerifier(await deriveProof(await deriveGuestSecret(this.link.secret, generation)))
    const done = await this.ask({ type: 'rotate_link', guestVerifier, generation })
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
    const done = await this.ask({ type: 'add_handles', handles: added.map(({ handle }) => handle) })
    if (!done) return false
    await this.certify(added)
    this.pupils.value = [...this.pupils.value, ...added]
    // Another tab may have added some to what is kept.
    this.change(({ pupils, ...room }) =>
      pupils.length + added.length > MAX_PUPILS ? null : { ...room, pupils: [...pupils, ...added.map(keptPupil)] },
    )
    return true
  }

  async revokePupil(pupil: Pupil): Promise<boolean> {
    const done = await this.ask({ type: 'revoke_handle', handle: pupil.handle })
    if (done) this.drop(pupil)
    return done
  }

  async setRole(participant: ParticipantId, role: Role): Promise<boolean> {
    const expiresAt = Math.floor(Date.now() / 1000) + DELEGATION_SECONDS
    const delegation =
      role === 'moderator' ? await signDelegation(this.link.secret, this.room, participant, expiresAt) : null
    return this.ask({ type: 'set_role', participant, role, delegation })
  }

  async prepareRecording(): Promise<PreparedRecording> {
    // age is fetched by those who record.
    const { deriveRecordingKey, recipientOf } = await import('../recordings/recording-key')
    const id = makeSecret()
    return { recording: toBase64Url(id), recipient: await recipientOf(await deriveRecordingKey(this.link.secret, id)) }
  }

  async startRecording({ prepared, terms, establishment, authorisations }: RecordingWish): Promise<Problem | null> {
    const { encryption, room, secret } = this.link
    const { selfId } = this.around.state.value
    if (selfId === null) return 'not_joined'
    const recipients = [{ name: null, key: prepared.recipient }, ...establishment]
    const asked = { recording: prepared.recording, terms, recipients, askedBy: selfId }
    const recipientsSignature = encryption === null ? null : await signRecording(secret, room, asked)
    return this.around.refusalOf({ type: 'start_recording', ...prepared, recipientsSignature, terms, authorisations })
  }

  keep(title: string): KeepOutcome {
    const { rules, linkGeneration } = this.around.state.value
    if (rules === null) return 'blocked'
    return keepRoom({
      room: this.room,
      moderator: toBase64Url(this.link.secret),
      title,
      profile: rules.profile,
      encryption: this.link.encryption === null ? null : { open: this.link.encryption.open, raw: this.link.encryption.raw },
      endsAt: this.keptRoom()?.endsAt ?? null,
      generation: linkGeneration,
      pupils: this.pupils.value.map(keptPupil),
    })
  }

  /** Signs personal links of an encrypted room. */
  private async certify(pupils: readonly Pupil[]): Promise<void> {
    if (this.link.encryption === null) return
    const { certifyPersonal } = await linkKeys()
    const signed = await Promise.all(
      pupils.map(async ({ admission }) => [admission, await certifyPersonal(this.link.secret, this.room, keptSecret(admission))] as const),
    )
    this.certificates.value = new Map([...this.certificates.value, ...signed])
  }

  private async ask(request: Request): Promise<boolean> {
    return (await this.around.refusalOf(request)) === null
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

/** Fetched by those who need it. */
function linkKeys() {
  return import('../e2ee/link-keys')
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

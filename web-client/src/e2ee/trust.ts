// What this page knows of the room beside the circle's keys: which link is good, whom to believe, and
// who it is itself.

import { hostKeyOf } from '../host-key'
import { deriveGuestSecret, fromBase64Url, type Link, toBase64Url } from '../link'
import type { Role } from '../protocol/generated'
import { type SigningKey, signingKeyOf } from '../signing-key'
import {
  type Admission,
  admitByDelegate,
  admitByHost,
  admitByLink,
  admitByPersonalKey,
  checkAdmission,
  decodeAdmission,
  encodeAdmission,
  type ParticipantId,
  type RoomTrust,
  untilOf,
} from './admission'
import type { Bytes } from './bytes'
import type { Leaf, Own } from './epoch'
import { deriveLobbyMacKey, derivePsk, personalKeyOf, roomBytes } from './link-keys'
import { type AudiencePair, drawPair } from './narrow'
import type { KeptIdentity } from './session-types'

/** Whom a page believes, and by what it is believed. */
export class Trust {
  readonly room: Bytes
  private readonly psks = new Map<number, Bytes>()
  private readonly macKeys = new Map<number, Bytes>()
  private readonly secrets = new Map<number, Bytes>()
  private newest = 0
  /** By the host key, for this page: what makes it a delegate. */
  private delegation: { readonly participant: ParticipantId; readonly admission: Admission } | null = null

  private constructor(
    readonly link: Link,
    readonly member: SigningKey,
    private readonly seed: Bytes,
    readonly audience: AudiencePair,
    private readonly host: SigningKey | null,
    private readonly personal: SigningKey | null,
    private readonly clock: () => number,
  ) {
    this.room = roomBytes(link.room)
  }

  /** Draws what is not kept. Rejects in a browser without the curves. */
  static async of(link: Link, kept: KeptIdentity | null, clock: () => number): Promise<Trust> {
    const seed = fromBase64Url(kept?.seed ?? '') ?? new Uint8Array()
    const own = seed.length === 32 ? seed : crypto.getRandomValues(new Uint8Array(32))
    return new Trust(
      link,
      await signingKeyOf(own),
      own,
      await drawPair(),
      link.role === 'moderator' ? await hostKeyOf(link.secret) : null,
      link.admission === null ? null : await personalKeyOf(link.admission),
      clock,
    )
  }

  /** Newest generation of the guest link that is known. */
  get generation(): number {
    return this.newest
  }

  /** The guest secret of a generation; `null` where it is not known. */
  secretOf(generation: number): Bytes | null {
    return this.secrets.get(generation) ?? null
  }

  /** The PSK of a generation; `null` where it is not known. */
  pskOf(generation: number): Bytes | null {
    return this.psks.get(generation) ?? null
  }

  /** The guest link of this generation has this secret; holders of the moderator link know by
   * themselves. */
  async learn(generation: number, secret: Bytes | null): Promise<void> {
    const { link } = this
    const known = secret ?? (link.role === 'moderator' ? await deriveGuestSecret(link.secret, generation) : null)
    if (known === null || this.secrets.has(generation)) return
    this.psks.set(generation, await derivePsk(known, link.room))
    this.macKeys.set(generation, await deriveLobbyMacKey(known, link.room))
    this.secrets.set(generation, known)
    this.newest = Math.max(this.newest, generation)
  }

  /** Checks the word for a leaf; `null` where it is believed. */
  async judge(hostKey: Bytes, { credential, memberKey }: Omit<Leaf, 'leaf'>, joining: boolean): Promise<string | null> {
    const candidate = { room: credential.room, participant: credential.participant, memberKey }
    return checkAdmission(this.roomTrust(hostKey), candidate, credential.admission, this.clock(), joining)
  }

  /** Who this page is, if somebody's word makes it a member: its own link's, or what was given. */
  async identify(hostKey: Bytes, participant: ParticipantId, given: readonly (string | null)[]): Promise<Own | null> {
    const candidate = { room: this.room, participant, memberKey: this.member.publicKey }
    for (const text of given) {
      const admission = decodeAdmission(fromBase64Url(text ?? '') ?? new Uint8Array())
      if (admission === null) continue
      if ((await checkAdmission(this.roomTrust(hostKey), candidate, admission, this.clock())) !== null) continue
      if (admission.role === 'moderator' && this.host === null) this.delegation = { participant, admission }
      return this.ownWith(participant, admission)
    }
    const own = await this.ownAdmission(participant)
    return own === null ? null : this.ownWith(participant, own)
  }

  /** Why an admission that was given is not believed; `null` where it is, or cannot be read. */
  async faultOf(hostKey: Bytes, participant: ParticipantId, text: string | null): Promise<string | null> {
    const admission = decodeAdmission(fromBase64Url(text ?? '') ?? new Uint8Array())
    if (admission === null) return null
    const candidate = { room: this.room, participant, memberKey: this.member.publicKey }
    return checkAdmission(this.roomTrust(hostKey), candidate, admission, this.clock())
  }

  /** True where this page may admit others. */
  get canAdmit(): boolean {
    return this.host !== null || this.delegation !== null
  }

  /** The delegation that makes this page a moderator; `null` where there is none. */
  get ownDelegation(): Bytes | null {
    return this.delegation === null ? null : encodeAdmission(this.delegation.admission)
  }

  /** Admits somebody, as base64url; `null` where this page cannot. */
  async admit(participant: ParticipantId, memberKey: string, role: Role): Promise<string | null> {
    const key = fromBase64Url(memberKey)
    if (key?.length !== 32) return null
    const candidate = { room: this.room, participant, memberKey: key }
    const until = untilOf(this.clock())
    if (this.host !== null) return toBase64Url(encodeAdmission(await admitByHost(this.host, candidate, role, until)))
    if (this.delegation === null || role === 'moderator') return null
    const delegate = { participant: this.delegation.participant, key: this.member, own: this.delegation.admission }
    return toBase64Url(encodeAdmission(await admitByDelegate(delegate, candidate, until)))
  }

  /** True where the host key made `leaf`'s member a moderator. */
  async isDelegate(hostKey: Bytes, leaf: Leaf, admission: Bytes): Promise<boolean> {
    const read = decodeAdmission(admission)
    if (read?.role !== 'moderator' || read.proof.kind !== 'host') return false
    const candidate = { room: this.room, participant: leaf.credential.participant, memberKey: leaf.memberKey }
    return (await checkAdmission(this.roomTrust(hostKey), candidate, read, this.clock())) === null
  }

  /** What to keep across a reload. */
  kept(participant: ParticipantId | null, admission: Admission | null): KeptIdentity {
    return {
      seed: toBase64Url(this.seed),
      participant,
      admission: admission === null ? null : toBase64Url(encodeAdmission(admission)),
      generation: this.newest,
    }
  }

  private async ownAdmission(participant: ParticipantId): Promise<Admission | null> {
    const { link, host, personal } = this
    const candidate = { room: this.room, participant, memberKey: this.member.publicKey }
    const until = untilOf(this.clock())
    if (host !== null) return admitByHost(host, candidate, 'moderator', until)
    const certificate = link.encryption?.certificate ?? null
    if (personal !== null && certificate !== null) return admitByPersonalKey(personal, certificate, candidate, until)
    const macKey = this.macKeys.get(this.newest)
    return link.encryption?.open === true && macKey !== undefined ? admitByLink(macKey, this.newest, candidate, until) : null
  }

  private ownWith(participant: ParticipantId, admission: Admission): Own {
    const credential = { participant, room: this.room, audienceKey: this.audience.publicKey, admission }
    return { seed: this.seed, memberKey: this.member.publicKey, credential }
  }

  private roomTrust(hostKey: Bytes): RoomTrust {
    return {
      room: this.room,
      hostKey,
      open: this.link.encryption?.open === true,
      macKeyOf: (generation) => this.macKeys.get(generation) ?? null,
    }
  }
}

/** True where this machine's clock and the server's differ by so much that no admission can be believed.
 * A session token ends twelve hours after it was given, or with the room: never has it ended when it comes,
 * nor does it last longer than a clock that is half a day behind would see. */
export function isClockWrong(token: string, now: number): boolean {
  const claims = /^[\w-]+\.([\w-]+)\./.exec(token)?.[1] ?? ''
  try {
    const { exp } = JSON.parse(new TextDecoder().decode(fromBase64Url(claims) ?? new Uint8Array())) as { exp: unknown }
    return typeof exp === 'number' && (exp <= now || exp - now > 24 * 3600)
  } catch {
    return false
  }
}

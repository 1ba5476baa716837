// What members say to each other of the circle itself: the link, the lobby, who is a delegate, and what
// goes on, for one who comes late. Each is taken from those alone who may say it.

import type { ParticipantId } from './admission'
import { Arrival } from './arrival'
import type { Bytes } from './bytes'
import type { ClassSnapshot } from './class-messages'
import type { Speaker } from './classroom'
import type { Epoch, Leaf } from './epoch'
import type { GuestLink } from './guest-link'
import type { KeyMessage, LinkGeneration } from './messages'
import { openRoot } from './narrow'
import { isHost, type People } from './people'
import type { Speech } from './speech'
import type { Trust } from './trust'

/** What it works with. */
export interface KeyWordsAround {
  readonly trust: Trust
  readonly people: People
  readonly speech: Speech
  readonly guestLink: GuestLink
  /** Milliseconds of a clock that never goes back. */
  now(): number
  /** This page; `null` before the server has said it. */
  self(): ParticipantId | null
  /** The host key of the link; `null` until then as well. */
  hostKey(): Bytes | null
  /** The epoch of now; `null` outside the circle. */
  epoch(): Epoch | null
  /** What goes on in class, for somebody who comes late. */
  snapshot(): ClassSnapshot
  /** What goes on in class, as somebody told it who is believed. */
  handleSnapshot(from: Speaker, snapshot: ClassSnapshot): void
  /** Somebody seals a level with this. */
  handleRoot(participant: ParticipantId, level: 1 | 2, root: Bytes): void
}

/** Says such words, and takes them. */
export class KeyWords {
  private readonly arrival = new Arrival({
    line: () => this.line(),
    ask: (one) => void this.around.speech.tell({ t: 'catch_up' }, { one }),
  })
  /** When this page told somebody what goes on. */
  private readonly told = new Map<ParticipantId, number>()

  constructor(
    private readonly around: KeyWordsAround,
    /** What a moderator said of the lobby. */
    public lobby: boolean,
  ) {}

  /** This page came into the circle through somebody. */
  comeIn(by: ParticipantId | null): void {
    const now = this.around.now()
    if (by !== null) this.arrival.expect(by, now)
    // A guest knows less than moderators say.
    const { people } = this.around
    if (by === null || (people.roleOf(by) === 'guest' && people.moderators.some((one) => one !== this.around.self()))) this.arrival.ask(now)
  }

  /** The line of this page was cut, and what was said meanwhile is lost. */
  comeBack(): void {
    this.arrival.ask(this.around.now())
  }

  /** When `wake` is to be called; `Infinity` for never. */
  get wakeAt(): number {
    return this.arrival.wakeAt
  }

  /** Does what is due. */
  wake(now: number): void {
    this.arrival.wake(now)
  }

  /** The circle is gone. */
  forget(): void {
    this.arrival.forget()
    this.told.clear()
  }

  /** A member said something. */
  async take(message: KeyMessage, participant: ParticipantId, leaf: Leaf): Promise<void> {
    const { people } = this.around
    const isOwn = participant === this.around.self()
    const isModerator = people.roleOf(participant) === 'moderator'
    switch (message.t) {
      case 'link':
        if (!isOwn) await this.takeLink(leaf, message)
        return
      case 'policy':
        if (isModerator) this.lobby = message.lobby
        return
      case 'delegate':
        await this.takeDelegate(participant, message.admission)
        return
      case 'narrow':
        if (!isOwn) await this.takeRoot(participant, message)
        return
      case 'catch_up':
        if (!isOwn) this.answer(participant)
        return
      case 'state':
        if (!isOwn) await this.takeLife(message, participant, leaf)
    }
  }

  /** Tells these what goes on. */
  tell(late: readonly ParticipantId[]): void {
    const { trust, people, speech } = this.around
    const secret = trust.secretOf(trust.generation)
    const life: KeyMessage = {
      t: 'state',
      ...this.around.snapshot(),
      link: secret === null || trust.generation === 0 ? null : { generation: trust.generation, secret },
      lobby: this.lobby,
      delegates: people.delegates,
    }
    // One after the other: a whole class at once is more than a connection takes. Nothing waits for it.
    void late.reduce((before, one) => before.then(() => speech.tell(life, { one })), Promise.resolve())
  }

  /** Tells everybody the host key's word that makes this page a moderator, where there is one. */
  tellDelegation(): void {
    const { trust, people, speech } = this.around
    const admission = trust.ownDelegation
    const self = this.around.self()
    if (admission === null || self === null) return
    people.addProof(self, admission)
    people.show(this.around.epoch())
    void speech.tell({ t: 'delegate', admission }, 'everybody')
  }

  /** Whom to ask: those with the moderator link, who know all of it, then other moderators, then guests. */
  private line(): ParticipantId[] {
    const { people } = this.around
    const rank = (leaf: Leaf): number => (people.roleOf(leaf.credential.participant) === 'guest' ? 2 : isHost(leaf) ? 0 : 1)
    return [...(this.around.epoch()?.leaves.values() ?? [])]
      .filter(({ credential }) => credential.participant !== this.around.self())
      .sort((a, b) => rank(a) - rank(b) || a.leaf - b.leaf)
      .map(({ credential }) => credential.participant)
  }

  /** Tells somebody who asks. */
  private answer(participant: ParticipantId): void {
    const now = this.around.now()
    for (const [one, at] of this.told) if (now - at >= TELL_EVERY_MS) this.told.delete(one)
    if (this.told.has(participant)) return
    this.told.set(participant, now)
    this.tell([participant])
  }

  /** What proves itself is taken from anybody, and each other part from those alone who may say it. */
  private async takeLife(life: KeyMessage & { t: 'state' }, participant: ParticipantId, leaf: Leaf): Promise<void> {
    const { link, lobby, delegates, names, hands, totals, question } = life
    for (const [delegate, admission] of delegates) await this.takeDelegate(delegate, admission)
    if (link !== null) await this.takeLink(leaf, link)
    // It may be among the delegates it names.
    const role = this.around.people.roleOf(participant)
    if (lobby !== null && role === 'moderator') this.lobby = lobby
    if (!this.arrival.takes(participant, role === 'moderator', this.around.now())) return
    this.around.handleSnapshot({ participant, role }, { names, hands, totals, question })
  }

  /** Of holders of the moderator link: nobody else can know it before the server has it. */
  private async takeLink(leaf: Leaf, { generation, secret }: LinkGeneration): Promise<void> {
    const isModerator = this.around.people.roleOf(leaf.credential.participant) === 'moderator'
    if (isHost(leaf) && isModerator) await this.around.guestLink.take(generation, secret)
  }

  private async takeDelegate(participant: ParticipantId, admission: Bytes): Promise<void> {
    const { trust, people } = this.around
    const leaf = this.around.epoch()?.leafOf(participant) ?? null
    const hostKey = this.around.hostKey()
    if (leaf === null || hostKey === null || people.hasProof(participant)) return
    if (!(await trust.isDelegate(hostKey, leaf, admission))) return
    people.addProof(participant, admission)
    people.show(this.around.epoch())
  }

  private async takeRoot(participant: ParticipantId, { level, keys }: KeyMessage & { t: 'narrow' }): Promise<void> {
    const own = keys.find((one) => one.participant === this.around.self())
    if (own === undefined) return
    const root = await openRoot(this.around.trust.audience, level, own.enc, own.ct)
    if (root !== null) this.around.handleRoot(participant, level, root)
  }
}

/** How often somebody is told who asks. Lower: one member can have this page say more. */
const TELL_EVERY_MS = 1_000

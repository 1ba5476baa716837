// What this page says to members and hears from them: sealed, ordered by the server, and said again to
// those who came too late to open it.

import { RequestError, type Request } from '../protocol/connection'
import type { SayAudience } from '../protocol/generated'
import type { ParticipantId } from './admission'
import { type Question, readQuestion } from './class-messages'
import type { Change } from './circle'
import type { EpochKeys } from './frame-messages'
import { Lasting } from './lasting'
import { type CircleMessage, decodeJson, encodeJson, readAudience, readMessage, readSealedWords } from './messages'
import type { AudiencePair } from './narrow'
import { Talk } from './talk'
import { isSameAudience, openWords, type Recipients, sealWords } from './words'

/** What it works with. */
export interface SpeechAround {
  /** Milliseconds of a clock that never goes back. */
  now(): number
  /** This page; `null` before the server has said it. */
  self(): ParticipantId | null
  /** Asks the server; rejects with `RequestError`. */
  request(request: Request): Promise<unknown>
  /** The audience key of this page. */
  readonly audience: AudiencePair
  /** Who may read what is said to an audience, this page included; `null` where all members may. */
  recipients(audience: SayAudience): Recipients | null
  /** Words were passed on to others than those they are for, or are readable for others. */
  handleMisdirected(why: string): void
}

/** One page's words. */
export class Speech {
  private readonly talk = new Talk()
  private readonly lasting = new Lasting()
  /** What is said first is sealed first, however many it is for. */
  private sealing: Promise<unknown> = Promise.resolve()

  constructor(private readonly around: SpeechAround) {}

  /** An epoch began. */
  begin(keys: EpochKeys, change: Change): void {
    this.talk.add(keys, this.around.now())
    this.lasting.begin(keys.serial, change)
  }

  /** The circle is gone. */
  forget(): void {
    this.talk.forget()
    this.lasting.forget()
  }

  /** Says something. Rejects with `RequestError`; `encryption_required` outside the circle. Rejects with
   * `RangeError` where it is too long, or for too many. */
  async say(message: CircleMessage, audience: SayAudience): Promise<void> {
    const sealed = await this.seal(() => this.addressed(message, audience))
    if (typeof audience !== 'object') this.lasting.note(message)
    await this.around.request({ type: 'mls_say', audience, sealed })
  }

  /** Says something that nobody need know to have failed. */
  async tell(message: CircleMessage, audience: SayAudience): Promise<void> {
    await this.say(message, audience).catch(() => undefined)
  }

  /** What `participant` said; `null` where it cannot be opened, is no message, or no news. */
  async hear(participant: ParticipantId, audience: SayAudience, sealed: string): Promise<CircleMessage | null> {
    const opened = await this.talk.open(participant, sealed, this.around.now())
    if (opened === null) return null
    const message = await this.readAddressed(participant, audience, decodeJson(opened.plain))
    if (message === null || participant !== this.around.self()) return message
    // What this page said to one is no news to it.
    if (typeof audience === 'object') return null
    const again = this.lasting.again(message)
    if (again !== null) for (const one of this.lasting.cameAfter(opened.serial)) void this.tell(again, { one })
    return message
  }

  /** A question, as it is handed to the server. */
  sealQuestion(question: Question): Promise<string> {
    return this.seal(() => Promise.resolve(question))
  }

  /** A question, and who came too late to read it where it is this page's own; `null` where it cannot be
   * opened, or is none. */
  async openQuestion(by: ParticipantId, sealed: string): Promise<{ question: Question; missedBy: readonly ParticipantId[] } | null> {
    const opened = await this.talk.open(by, sealed, this.around.now())
    const question = opened === null ? null : readQuestion(decodeJson(opened.plain))
    if (opened === null || question === null) return null
    return { question, missedBy: by === this.around.self() ? this.lasting.cameAfter(opened.serial) : [] }
  }

  private async seal(write: () => Promise<object>): Promise<string> {
    const sealed = this.sealing.then(async () => this.talk.seal(encodeJson(await write())))
    this.sealing = sealed.catch(() => undefined)
    const text = await sealed
    if (text === null) throw new RequestError('encryption_required')
    return text
  }

  /** A message with whom it is for, which nobody else can read where it is not for all. */
  private async addressed(message: CircleMessage, to: SayAudience): Promise<object> {
    if (to === 'everybody') return message
    const recipients = this.around.recipients(to)
    const self = this.around.self()
    return recipients === null || self === null ? { ...message, to } : sealWords(self, to, message, recipients)
  }

  private async readAddressed(participant: ParticipantId, audience: SayAudience, value: unknown): Promise<CircleMessage | null> {
    const to = readAudience(value)
    const words = readSealedWords(value)
    const isOpen = to === 'everybody' || to === 'group'
    if (to === null || !isSameAudience(to, audience) || (words === null && !isOpen)) {
      this.around.handleMisdirected('words that are not for those they reach')
      return null
    }
    const self = this.around.self()
    if (words === null) return readMessage(value)
    return self === null ? null : readMessage(await openWords(this.around.audience, self, participant, words))
  }
}

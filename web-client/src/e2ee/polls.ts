// Questions: asked, answered and counted so that the server sees how many answered and never what, and
// whoever counts sees what and never who.

import { fromBase64Url, type Link, secretOf, toBase64Url } from '../link'
import { type Bytes, isSame } from './bytes'
import type { Question } from './class-messages'
import { type AudiencePair, drawPair, openBallot, pollPair, sealBallot } from './narrow'

/** The questions of one page. */
export class Polls {
  /** Private keys of what this page asked, by public key. */
  private readonly own = new Map<string, AudiencePair>()

  constructor(
    private readonly link: Link,
    private readonly room: Bytes,
  ) {}

  /** A question with a key that answers are sealed to. A holder of the moderator link can always count;
   * a delegate as long as this page lives. */
  async ask(asked: { readonly question: string; readonly choices: readonly string[] }): Promise<Question> {
    const nonce = crypto.getRandomValues(new Uint8Array(16))
    const isHost = this.link.role === 'moderator'
    const pair = isHost ? await pollPair(this.link.secret, this.room, nonce) : await drawPair()
    const key = toBase64Url(pair.publicKey)
    this.own.set(key, pair)
    return { question: asked.question, choices: asked.choices, key, nonce: toBase64Url(nonce) }
  }

  /** An answer; `null` where the question has no key. */
  async answer({ key }: Question, poll: number, choice: number): Promise<string | null> {
    const publicKey = fromBase64Url(key)
    return publicKey?.length === 32 ? sealBallot(publicKey, poll, choice) : null
  }

  /** How many chose what; `null` where this page has not the key. What cannot be read counts for
   * nothing. */
  async tally(question: Question, poll: number, ballots: readonly string[]): Promise<number[] | null> {
    const pair = await this.pairOf(question)
    if (pair === null) return null
    const results = question.choices.map(() => 0)
    for (const choice of await Promise.all(ballots.map((ballot) => openBallot(pair, poll, ballot)))) {
      if (choice !== null && choice < results.length) results[choice] = (results[choice] ?? 0) + 1
    }
    return results
  }

  private async pairOf({ key, nonce }: Question): Promise<AudiencePair | null> {
    const own = this.own.get(key)
    if (own !== undefined) return own
    const [bytes, publicKey] = [secretOf(nonce), fromBase64Url(key)]
    if (this.link.role !== 'moderator' || bytes === null || publicKey === null) return null
    const pair = await pollPair(this.link.secret, this.room, bytes)
    return isSame(pair.publicKey, publicKey) ? pair : null
  }
}

// What members say of class life within the circle, and how it is read: strictly, as anything from
// outside.

import type { Opinion, OpinionTotals, Reaction } from '../protocol/generated'

/** One thing said. */
export type ClassMessage =
  /** What oneself is called. */
  | { readonly t: 'hello'; readonly name: string }
  | { readonly t: 'chat'; readonly text: string }
  | { readonly t: 'announce'; readonly text: string }
  /** The own hand. */
  | { readonly t: 'hand'; readonly raised: boolean }
  /** Somebody's hand, or all. */
  | { readonly t: 'lower_hands'; readonly participant: string | null }
  | { readonly t: 'gesture'; readonly reaction: Reaction }
  /** What oneself holds up, for moderators' eyes. */
  | { readonly t: 'opinion'; readonly opinion: Opinion | null }
  /** How many hold up what; `cleared` takes everybody's down. */
  | { readonly t: 'opinions'; readonly totals: OpinionTotals; readonly cleared: boolean }
  /** The own question that is open, to one who came while it was asked. */
  | { readonly t: 'question'; readonly poll: number; readonly question: Question }
  /** How many chose each answer. */
  | { readonly t: 'poll_result'; readonly poll: number; readonly results: readonly number[] }

/** A question as its moderator asks it. */
export interface Question {
  readonly question: string
  readonly choices: readonly string[]
  /** X25519 public key that ballots are sealed to, base64url. */
  readonly key: string
  /** What the key follows from, with the moderator link's secret; base64url. */
  readonly nonce: string
}

/** What one who comes late is told of the class. */
export interface ClassSnapshot {
  readonly names: readonly (readonly [participant: string, name: string])[]
  readonly hands: readonly string[]
  readonly totals: OpinionTotals
  readonly question: { readonly poll: number; readonly question: Question } | null
}

/** Reads what somebody said; `null` for anything else. */
export function readClassMessage(value: unknown): ClassMessage | null {
  if (!isObject(value)) return null
  switch (value['t']) {
    case 'hello':
      return isText(value['name']) ? { t: 'hello', name: value['name'] } : null
    case 'chat':
    case 'announce':
      return isText(value['text']) ? { t: value['t'], text: value['text'] } : null
    case 'hand':
      return typeof value['raised'] === 'boolean' ? { t: 'hand', raised: value['raised'] } : null
    case 'lower_hands': {
      const { participant } = value
      return participant === null || isText(participant) ? { t: 'lower_hands', participant } : null
    }
    case 'gesture':
      return isOne(REACTIONS, value['reaction']) ? { t: 'gesture', reaction: value['reaction'] } : null
    case 'opinion':
      return value['opinion'] === null || isOne(OPINIONS, value['opinion']) ? { t: 'opinion', opinion: value['opinion'] } : null
    case 'opinions': {
      const totals = readTotals(value['totals'])
      return totals !== null && typeof value['cleared'] === 'boolean' ? { t: 'opinions', totals, cleared: value['cleared'] } : null
    }
    case 'question': {
      const { poll } = value
      const question = readQuestion(value['question'])
      return isCount(poll) && question !== null ? { t: 'question', poll, question } : null
    }
    case 'poll_result': {
      const { poll, results } = value
      return isCount(poll) && isList(results, MOST_CHOICES) && results.every(isCount) ? { t: 'poll_result', poll, results } : null
    }
    default:
      return null
  }
}

/** Reads a question; its texts are judged by `acceptQuestion`. */
export function readQuestion(value: unknown): Question | null {
  if (!isObject(value)) return null
  const { question, choices, key, nonce } = value
  if (!isText(question) || !isText(key) || !isText(nonce) || !isList(choices, MOST_CHOICES) || !choices.every(isText)) return null
  return { question, choices, key, nonce }
}

/** Reads what one who comes late is told. */
export function readSnapshot(value: unknown): ClassSnapshot | null {
  if (!isObject(value)) return null
  const { names, hands } = value
  const totals = readTotals(value['totals'])
  if (totals === null || !isList(names, MOST_PEOPLE) || !isList(hands, MOST_PEOPLE) || !hands.every(isText)) return null
  const pairs = names.flatMap((pair): [string, string][] => {
    if (!isList(pair, 2)) return []
    const [participant, name] = pair
    return isText(participant) && isText(name) ? [[participant, name]] : []
  })
  const asked = value['question']
  const question = isObject(asked) && isCount(asked['poll']) ? readQuestion(asked['question']) : null
  return {
    names: pairs,
    hands,
    totals,
    question: question === null || !isObject(asked) || !isCount(asked['poll']) ? null : { poll: asked['poll'], question },
  }
}

/** How many hold up what. */
export function totalsOf(opinions: Iterable<Opinion>): OpinionTotals {
  const totals = { yes: 0, no: 0, slower: 0, faster: 0 }
  for (const opinion of opinions) totals[opinion] += 1
  return totals
}

function readTotals(value: unknown): OpinionTotals | null {
  if (!isObject(value)) return null
  const { yes, no, slower, faster } = value
  return isCount(yes) && isCount(no) && isCount(slower) && isCount(faster) ? { yes, no, slower, faster } : null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32
}

function isList(value: unknown, most: number): value is unknown[] {
  return Array.isArray(value) && value.length <= most
}

function isOne<T extends string>(known: readonly T[], value: unknown): value is T {
  return known.some((one) => one === value)
}

const OPINIONS = ['yes', 'no', 'slower', 'faster'] as const satisfies readonly Opinion[]
const REACTIONS = ['agree', 'applause', 'heart', 'laugh', 'surprise', 'celebrate'] as const satisfies readonly Reaction[]
/** As many as a question may have; see `MAX_POLL_CHOICES`. */
const MOST_CHOICES = 10
/** More than any room holds. */
const MOST_PEOPLE = 4_096

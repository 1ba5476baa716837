// A recording as this page knows it: what everybody was told, what oneself answered, and what the
// server has heard of it. Pure, like call.ts, which hands it the messages that concern it.

import type { RecordingEnd, RecordingInfo, ServerMessage } from '../protocol/generated'

/** What oneself said of a recording. Nothing said is no. */
export type OwnAnswer = 'none' | 'accepted' | 'refused' | 'withdrawn'

/** The recording that runs, and oneself. */
export interface Recording {
  /** `null` when none runs. */
  readonly info: RecordingInfo | null
  /** In an encrypted room: whether the host key of the link signed those whom it is sealed to; `null`
   * until that is known. */
  readonly vouched: boolean | null
  /** What the person clicked last, on this very page: one that was loaded anew knows nothing of it. */
  readonly chosen: OwnAnswer
  /** What the server has answered to. */
  readonly settled: OwnAnswer
  /** Whether the server may hold a yes of this page: one was said, and no later no is known to be heard. */
  readonly yesMayStand: boolean
  /** The last answer as the server signed it, for the person to keep. */
  readonly receipt: string | null
  /** Moderators: how many answered what. */
  readonly counts: Counts | null
  /** Why the last one ended, until it is put away. */
  readonly ended: RecordingEnd | null
}

/** How many people. */
export interface Counts {
  readonly accepted: number
  readonly refused: number
  readonly unanswered: number
}

/** An answer on its way to the server. */
export interface WantedAnswer {
  readonly recording: string
  readonly accepted: boolean
}

/** What is and what to ask the server. */
export interface RecordingStep {
  readonly recording: Recording
  readonly answer: WantedAnswer | null
}

/** Nothing is recorded. */
export const NO_RECORDING: Recording = {
  info: null,
  vouched: null,
  chosen: 'none',
  settled: 'none',
  yesMayStand: false,
  receipt: null,
  counts: null,
  ended: null,
}

/** What the person did, or what came of it. */
export type RecordingEvent =
  | { type: 'answer_recording'; accepted: boolean }
  /** The server's answer to it; without a receipt it was not taken. A yes is then none; a no stands,
   * whatever the server says of it, and is said again. `inDoubt`: it may have been taken all the same. */
  | { type: 'recording_settled'; answer: WantedAnswer; receipt: string | null; inDoubt: boolean }
  | { type: 'put_away_recording' }
  /** Somebody looked at the signature under what was told. */
  | { type: 'recipients_checked'; info: RecordingInfo; vouched: boolean }

/** Messages that concern a recording. */
export type RecordingMessage = Extract<ServerMessage, { type: 'recording_changed' | 'answers_changed' }>

/** What `joined` says. The server takes nobody who comes to have answered: whoever clicked on this very
 * page, of this very recording in these very words, says so again; all others are asked. */
export function enterRecording(before: Recording, info: RecordingInfo | null): RecordingStep {
  if (info === null) {
    const ended = before.info === null ? before.ended : 'stopped'
    return stay({ ...NO_RECORDING, receipt: before.receipt, ended })
  }
  if (!isSame(before.info, info)) return stay({ ...NO_RECORDING, info })
  const { chosen } = before
  // What was said before the line was cut is over at the server; a no is waited for until it is heard.
  const yesMayStand = before.yesMayStand && chosen !== 'none'
  const recording = { ...before, info, vouched: null, settled: 'none' as const, yesMayStand, counts: null }
  const answer = chosen === 'none' ? null : { recording: info.recording, accepted: chosen === 'accepted' }
  return { recording, answer }
}

/** One step by the server. */
export function hearRecording(before: Recording, message: RecordingMessage): Recording {
  if (message.type === 'answers_changed') {
    const { accepted, refused, unanswered } = message
    return { ...before, counts: { accepted, refused, unanswered } }
  }
  const { recording: info, end } = message
  // The same one told again: the answer counts no more, and only the person gives another.
  if (info !== null) return { ...NO_RECORDING, info }
  return { ...NO_RECORDING, receipt: before.receipt, ended: end }
}

/** One step by the person. */
export function changeRecording(before: Recording, event: RecordingEvent): RecordingStep {
  const { info, chosen, settled } = before
  switch (event.type) {
    case 'put_away_recording':
      return stay({ ...before, ended: null })
    case 'recipients_checked':
      // Of the very words that are shown, and no earlier ones.
      return stay(info === event.info ? { ...before, vouched: event.vouched } : before)
    case 'answer_recording': {
      const isSaid = (chosen === 'accepted') === event.accepted && chosen !== 'none'
      if (info === null || (isSaid && (event.accepted || chosen === settled))) return stay(before)
      const no = chosen === 'accepted' || chosen === 'withdrawn' ? 'withdrawn' : 'refused'
      return {
        recording: {
          ...before,
          chosen: event.accepted ? 'accepted' : no,
          // Also one whose answer is still on its way.
          yesMayStand: before.yesMayStand || chosen === 'accepted',
        },
        answer: { recording: info.recording, accepted: event.accepted },
      }
    }
    case 'recording_settled': {
      const { answer, receipt, inDoubt } = event
      // Of another recording, or clicked otherwise since.
      if (info?.recording !== answer.recording || (chosen === 'accepted') !== answer.accepted) return stay(before)
      if (receipt !== null) return stay({ ...before, settled: chosen, yesMayStand: answer.accepted, receipt })
      return stay(answer.accepted ? { ...before, chosen: settled, yesMayStand: before.yesMayStand || inDoubt } : { ...before, settled: 'none' })
    }
  }
}

/** Whether nothing of oneself may leave this page: it would be recorded against the person's word, since
 * the server may still go by a yes. */
export function isHeldBack({ info, chosen, yesMayStand }: Recording): boolean {
  return info !== null && yesMayStand && chosen !== 'accepted'
}

/** Whether the same was told of two recordings, to the letter. */
function isSame(one: RecordingInfo | null, other: RecordingInfo): boolean {
  return one !== null && wordsOf(one) === wordsOf(other)
}

function wordsOf({ terms, recipients, ...info }: RecordingInfo): string {
  const fields = [info, terms, ...recipients].map((part) => Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
  return JSON.stringify(fields)
}

function stay(recording: Recording): RecordingStep {
  return { recording, answer: null }
}

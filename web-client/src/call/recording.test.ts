import { describe, expect, it } from 'vitest'
import type { RecordingInfo } from '../protocol/generated'
import { changeRecording, enterRecording, hearRecording, isHeldBack, NO_RECORDING, type Recording } from './recording'

const INFO: RecordingInfo = {
  recording: 'AAAAAAAAAAAAAAAAAAAAAA',
  terms: { purpose: 'revision', details: 'Le cycle de l’eau', retentionDays: 30, audience: 'La classe de 5e B' },
  askedBy: 'BBBBBBBBBBBBBBBBBBBBBB',
  askedByName: 'Mme Lefèvre',
  recipients: [{ name: null, key: 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p' }],
  recipientsSignature: null,
  startedAt: 1_800_000_000,
  textVersion: 1,
}
const OTHER = { ...INFO, recording: 'CCCCCCCCCCCCCCCCCCCCCC' }
const running = hearRecording(NO_RECORDING, { type: 'recording_changed', recording: INFO, end: null })

/** Clicks, and the server takes it. */
function settle(before: Recording, accepted: boolean): Recording {
  const { recording, answer } = changeRecording(before, { type: 'answer_recording', accepted })
  expect(answer).toEqual({ recording: before.info?.recording, accepted })
  if (answer === null) return recording
  return changeRecording(recording, { type: 'recording_settled', answer, receipt: `{"accepted":${accepted}}`, inDoubt: false }).recording
}

describe('a recording', () => {
  it('is vouched for by the very words that were checked, and by none before them', () => {
    const check = (recording: Recording, info: RecordingInfo, vouched = true) =>
      changeRecording(recording, { type: 'recipients_checked', info, vouched }).recording
    expect(check(running, INFO)).toEqual({ ...running, vouched: true })
    expect(check(running, INFO, false).vouched).toBe(false)
    // The same recording told with other keys is another thing to vouch for.
    const changed = { ...INFO, recipients: [] }
    const told = hearRecording(check(running, INFO), { type: 'recording_changed', recording: changed, end: null })
    expect(told.vouched).toBeNull()
    expect(check(told, INFO).vouched).toBeNull()
    expect(enterRecording(check(running, INFO), changed).recording.vouched).toBeNull()
    expect(enterRecording(check(running, INFO), null).recording.vouched).toBeNull()
  })

  it('r17_asks_anew_where_the_same_recording_is_told_in_other_words', () => {
    const accepted = settle(running, true)
    expect(enterRecording(accepted, { ...INFO }).answer).toEqual({ recording: INFO.recording, accepted: true })
    const [recipient] = INFO.recipients
    if (recipient === undefined) throw new Error('no recipient')
    for (const change of [
      { terms: { ...INFO.terms, purpose: 'other' as const } },
      { terms: { ...INFO.terms, details: 'Autre chose' } },
      { terms: { ...INFO.terms, retentionDays: 31 } },
      { terms: { ...INFO.terms, audience: 'Tout le monde' } },
      { recipients: [recipient, recipient] },
      { recipients: [{ ...recipient, name: 'Archives' }] },
      { askedBy: 'D'.repeat(22) },
      { recipientsSignature: 'AAAA' },
      { startedAt: INFO.startedAt + 1 },
      { textVersion: 2 },
    ]) {
      const info = { ...INFO, ...change }
      expect(enterRecording(accepted, info), JSON.stringify(change)).toEqual({ recording: { ...NO_RECORDING, info }, answer: null })
    }
  })

  it('r17_begins_without_an_answer_of_anybody', () => {
    expect(running).toEqual({ ...NO_RECORDING, info: INFO })
  })

  it('r19_counts_as_accepted_only_once_the_server_has_heard_it', () => {
    const { recording } = changeRecording(running, { type: 'answer_recording', accepted: true })
    expect(recording).toMatchObject({ chosen: 'accepted', settled: 'none', receipt: null })
    expect(settle(running, true)).toMatchObject({ chosen: 'accepted', settled: 'accepted', receipt: '{"accepted":true}' })
  })

  it('r19_can_be_refused_and_withdrawn_and_accepted_after_all', () => {
    expect(settle(running, false)).toMatchObject({ chosen: 'refused', settled: 'refused' })
    const withdrawn = settle(settle(running, true), false)
    expect(withdrawn).toMatchObject({ chosen: 'withdrawn', settled: 'withdrawn', receipt: '{"accepted":false}' })
    expect(settle(withdrawn, true)).toMatchObject({ chosen: 'accepted', settled: 'accepted' })
  })

  it('takes a yes back that was not taken', () => {
    const refused = settle(running, false)
    const { recording, answer } = changeRecording(refused, { type: 'answer_recording', accepted: true })
    if (answer === null) throw new Error('nothing was asked')
    const after = changeRecording(recording, { type: 'recording_settled', answer, receipt: null, inDoubt: false }).recording
    expect(after).toMatchObject({ chosen: 'refused', settled: 'refused' })
  })

  it('r19_never_makes_a_yes_of_a_no_that_was_not_heard', () => {
    const accepted = settle(running, true)
    const { recording, answer } = changeRecording(accepted, { type: 'answer_recording', accepted: false })
    if (answer === null) throw new Error('nothing was asked')
    const after = changeRecording(recording, { type: 'recording_settled', answer, receipt: null, inDoubt: false }).recording
    expect(after).toMatchObject({ chosen: 'withdrawn', settled: 'none' })
    expect(enterRecording(after, INFO).answer).toEqual({ recording: INFO.recording, accepted: false })
    const again = changeRecording(after, { type: 'answer_recording', accepted: false })
    expect(again.answer).toEqual({ recording: INFO.recording, accepted: false })
    expect(again.recording.chosen).toBe('withdrawn')
  })

  it('takes no word for another answer than the last one', () => {
    const yes = changeRecording(running, { type: 'answer_recording', accepted: true })
    const no = changeRecording(yes.recording, { type: 'answer_recording', accepted: false })
    if (yes.answer === null) throw new Error('nothing was asked')
    const late = changeRecording(no.recording, { type: 'recording_settled', answer: yes.answer, receipt: '{}', inDoubt: false }).recording
    expect(late).toMatchObject({ chosen: 'withdrawn', settled: 'none' })
  })

  it('is answered once by two equal clicks', () => {
    const accepted = settle(running, true)
    expect(changeRecording(accepted, { type: 'answer_recording', accepted: true })).toEqual({ recording: accepted, answer: null })
  })

  it('r20_is_answered_again_by_the_page_that_was_cut_off_and_by_no_other', () => {
    const accepted = settle(running, true)
    const back = enterRecording(accepted, INFO)
    expect(back.answer).toEqual({ recording: INFO.recording, accepted: true })
    expect(back.recording.settled).toBe('none')
    // A page that was loaded anew, another recording, or an answer that was never given.
    for (const [before, info] of [[NO_RECORDING, INFO], [accepted, OTHER], [running, INFO]] as const) {
      const asked = enterRecording(before, info)
      expect(asked.answer).toBeNull()
      expect(asked.recording).toMatchObject({ info, chosen: 'none', settled: 'none' })
    }
  })

  it('r20_told_again_while_it_runs_asks_again', () => {
    const again = hearRecording(settle(running, true), { type: 'recording_changed', recording: INFO, end: null })
    expect(again).toEqual({ ...NO_RECORDING, info: INFO })
  })

  it('that ends says why, and leaves the receipt', () => {
    const ended = hearRecording(settle(running, true), { type: 'recording_changed', recording: null, end: 'disk_full' })
    expect(ended).toMatchObject({ info: null, chosen: 'none', ended: 'disk_full', receipt: '{"accepted":true}' })
    expect(changeRecording(ended, { type: 'put_away_recording' }).recording.ended).toBeNull()
    // While this page did not hear.
    expect(enterRecording(settle(running, true), null).recording).toMatchObject({ info: null, chosen: 'none', ended: 'stopped' })
  })

  it('r20_holds_back_all_of_a_person_from_their_no_until_the_server_has_heard_it', () => {
    const say = (before: Recording, accepted: boolean) => changeRecording(before, { type: 'answer_recording', accepted }).recording
    const hear = (before: Recording, accepted: boolean, receipt: string | null, inDoubt = false) =>
      changeRecording(before, { type: 'recording_settled', answer: { recording: INFO.recording, accepted }, receipt, inDoubt }).recording
    const withdrawn = say(settle(running, true), false)
    expect(isHeldBack(withdrawn)).toBe(true)
    expect(isHeldBack(hear(withdrawn, false, '{}'))).toBe(false)
    // Refused, or lost with the line: it stays so, also when the page comes back, until it is heard.
    const unheard = hear(withdrawn, false, null, true)
    const back = enterRecording(unheard, INFO)
    expect([isHeldBack(unheard), isHeldBack(back.recording), back.answer?.accepted]).toEqual([true, true, false])
    expect(isHeldBack(hear(back.recording, false, '{}'))).toBe(false)
    // A new yes that the server refuses says nothing of the one before.
    expect(isHeldBack(hear(say(unheard, true), true, null))).toBe(true)
    // A yes that may have arrived, and was taken back before its receipt came.
    expect(isHeldBack(say(say(running, true), false))).toBe(true)
    for (const ended of [
      hearRecording(withdrawn, { type: 'recording_changed', recording: null, end: 'stopped' }),
      hearRecording(withdrawn, { type: 'recording_changed', recording: INFO, end: null }),
      enterRecording(withdrawn, null).recording,
      enterRecording(withdrawn, OTHER).recording,
    ]) expect(isHeldBack(ended)).toBe(false)
  })

  it('holds nobody back who never said yes, or whose yes the server did not take', () => {
    const say = (before: Recording, accepted: boolean) => changeRecording(before, { type: 'answer_recording', accepted }).recording
    const lose = (inDoubt: boolean) =>
      changeRecording(say(running, true), { type: 'recording_settled', answer: { recording: INFO.recording, accepted: true }, receipt: null, inDoubt }).recording
    for (const before of [running, say(running, false), settle(running, false), say(running, true), settle(running, true), lose(false)]) {
      expect(isHeldBack(before), JSON.stringify(before)).toBe(false)
    }
    // One whose answer got lost may count: only another answer tells, or another session, which has none.
    expect(isHeldBack(lose(true))).toBe(true)
    expect(isHeldBack(settle(lose(true), false))).toBe(false)
    expect(isHeldBack(settle(lose(true), true))).toBe(false)
    expect(isHeldBack(enterRecording(lose(true), INFO).recording)).toBe(false)
  })

  it('tells moderators numbers alone', () => {
    const counts = { accepted: 3, refused: 1, unanswered: 2 }
    expect(hearRecording(running, { type: 'answers_changed', ...counts }).counts).toEqual(counts)
  })
})

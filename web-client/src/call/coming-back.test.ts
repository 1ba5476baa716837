import { describe, expect, it } from 'vitest'
import type { Rights, ServerMessage, TrackSource } from '../protocol/generated'
import { QUIET_ROOM } from '../protocol/samples'
import { reduce } from './call'
import { type CallEvent, type CallModel, INITIAL_MODEL, type Step } from './model'

const SELF = 'AAAAAAAAAAA'

const heard = (message: unknown): CallEvent => ({ type: 'server', message: message as ServerMessage, at: 0 })

/** `joined`, as a pupil hears it. */
function joined(change: Record<string, unknown> = {}, own: Record<string, unknown> = {}): CallEvent {
  return heard({
    type: 'joined',
    participant: SELF,
    displayName: 'Invité 3',
    role: 'guest',
    resumed: true,
    resume: 'token',
    participants: [],
    ...QUIET_ROOM,
    ...change,
    own: { ...QUIET_ROOM.own, ...own },
  })
}

function run(events: readonly CallEvent[], start: CallModel = INITIAL_MODEL): Step {
  return events.reduce<Step>((before, event) => reduce(before.model, event), { model: start, effects: [] })
}

const inRoom = run([{ type: 'join', name: '' }, joined({ resumed: false })]).model
const OPEN_ALL: readonly CallEvent[] = [
  { type: 'open_device', device: 'microphone' },
  { type: 'device_opened', device: 'microphone' },
  { type: 'open_device', device: 'camera' },
  { type: 'device_opened', device: 'camera' },
  { type: 'confirm_camera' },
]
const onAir = run(OPEN_ALL, inRoom).model
const rights = (change: Partial<Rights>): Rights => ({ ...QUIET_ROOM.rights, ...change })
const problems = ({ view }: CallModel) => view.notices.map(({ problem }) => problem)

describe('coming back', () => {
  it('into the lobby closes everything, and being let in opens nothing', () => {
    const waiting = reduce(onAir, heard({ type: 'waiting', participant: SELF, resume: 'token' }))
    expect(waiting.model.view).toMatchObject({ phase: { name: 'waiting' }, microphone: 'off', camera: 'off', participants: [] })
    expect(waiting.effects.map(({ type }) => type)).toEqual(['remember_session', 'release_everything', 'stop_media'])
    const again = reduce(waiting.model, joined({ resumed: false }))
    expect(again.model.view).toMatchObject({ phase: { name: 'in_call' }, microphone: 'off', camera: 'off' })
    expect(again.effects.some(({ type }) => type === 'open_device' || type === 'send_device')).toBe(false)
  })

  it('waiting before ever having been in ends nothing', () => {
    const joining = run([{ type: 'join', name: '' }]).model
    const waiting = reduce(joining, heard({ type: 'waiting', participant: SELF, resume: 'token' }))
    expect(waiting.effects).toEqual([{ type: 'remember_session', token: 'token' }])
  })

  it('closes what was stopped meanwhile, before anything is said to be on', () => {
    const { model, effects } = reduce(onAir, joined({}, { stopped: ['microphone'] }))
    expect(model.view).toMatchObject({ microphone: 'off', camera: 'on' })
    expect(problems(model)).toEqual(['microphone_stopped'])
    const order = effects.map(({ type }) => type)
    expect(order.indexOf('release_device')).toBeLessThan(order.indexOf('start_media'))
  })

  it('closes what is not allowed any more', () => {
    const { model } = reduce(onAir, joined({ rights: rights({ camera: false }) }))
    expect(model.view).toMatchObject({ microphone: 'on', camera: 'off' })
    expect(problems(model)).toEqual(['camera_stopped'])
  })
})

describe('coming back while it is recorded', () => {
  const info = {
    recording: 'AAAAAAAAAAAAAAAAAAAAAA',
    terms: { purpose: 'minutes', details: 'Conseil', retentionDays: 7, audience: 'Le conseil' },
    askedBy: 'BBBBBBBBBBB',
    askedByName: 'Mme Lefèvre',
    recipients: [],
    recipientsSignature: null,
    startedAt: 1_800_000_000,
    textVersion: 1,
  }
  const state = { ...QUIET_ROOM.state, recording: info }
  const answers = ({ effects }: Step) => effects.filter(({ type }) => type === 'answer_recording')
  const asked = run([heard({ type: 'recording_changed', recording: info, end: null })], inRoom).model
  const accepted = reduce(asked, { type: 'answer_recording', accepted: true })

  it('r20_repeats_the_answer_that_was_clicked_on_this_very_page_and_says_nothing_else', () => {
    expect(answers(accepted)).toEqual([{ type: 'answer_recording', answer: { recording: info.recording, accepted: true } }])
    expect(answers(reduce(accepted.model, joined({ state })))).toEqual(answers(accepted))
    expect(answers(reduce(asked, joined({ state })))).toEqual([])
  })

  it('r20_asks_whoever_was_put_back_into_the_lobby_or_loaded_the_page_anew', () => {
    const waiting = reduce(accepted.model, heard({ type: 'waiting', participant: SELF, resume: 'token' }))
    for (const start of [waiting.model, run([{ type: 'join', name: '' }]).model]) {
      const back = reduce(start, joined({ state, resumed: start !== waiting.model }))
      expect(answers(back)).toEqual([])
      expect(back.model.view.recording).toMatchObject({ info, chosen: 'none' })
    }
  })

  it('r17_no_message_of_the_server_answers_for_the_person', () => {
    const told = run([heard({ type: 'recording_changed', recording: info, end: null }), joined({ state })], inRoom)
    expect(told.model.view.recording.chosen).toBe('none')
    expect(answers(told)).toEqual([])
  })

  it('forgets how many answered with the role of a moderator', () => {
    const moderator = reduce(INITIAL_MODEL, { type: 'join', name: '' }).model
    const inside = run([joined({ role: 'moderator', resumed: false, state }), heard({ type: 'answers_changed', accepted: 1, refused: 0, unanswered: 2 })], moderator)
    expect(inside.model.view.recording.counts).not.toBeNull()
    const taken = reduce(inside.model, heard({ type: 'role_changed', participant: SELF, role: 'guest', delegation: null }))
    expect(taken.model.view.recording.counts).toBeNull()
  })
})

describe('a right that goes', () => {
  const forbid = (device: 'microphone' | 'camera' | 'screen') =>
    heard({ type: 'rules_changed', rules: QUIET_ROOM.rules, rights: rights({ [device]: false }) })

  it.each([
    ['opening', [{ type: 'open_device', device: 'camera' }]],
    ['in the preview', [{ type: 'open_device', device: 'camera' }, { type: 'device_opened', device: 'camera' }]],
    ['on', OPEN_ALL],
  ] as const)('closes a camera that is %s, and nothing opens it again but a click', (_, events) => {
    const closed = reduce(run(events, inRoom).model, forbid('camera'))
    expect(closed.model.view.camera).toBe('off')
    expect(closed.effects).toContainEqual({ type: 'release_device', device: 'camera' })
    const allowed = run([heard({ type: 'rules_changed', rules: QUIET_ROOM.rules, rights: rights({}) }), { type: 'confirm_camera' }], closed.model)
    expect(allowed.model.view.camera).toBe('off')
  })

  it('leaves the other devices alone', () => {
    expect(reduce(onAir, forbid('screen')).model.view).toMatchObject({ microphone: 'on', camera: 'on' })
  })

  it('says so once for a screen and its sound', () => {
    const sharing = run([{ type: 'open_device', device: 'screen' }, { type: 'device_opened', device: 'screen' }], inRoom).model
    const stop = (source: TrackSource) => heard({ type: 'source_stopped', source })
    expect(problems(run([stop('screen'), stop('screen_audio')], sharing).model)).toEqual(['screen_stopped'])
  })
})

describe('"only the teacher sees me"', () => {
  const wanted = reduce(onAir, { type: 'set_moderators_only', moderatorsOnly: true })

  it('is asked for at once', () => {
    expect(wanted.effects).toEqual([{ type: 'request_audience', moderatorsOnly: true }])
  })

  it('closes the camera where the server did not take it', () => {
    const { model, effects } = reduce(wanted.model, { type: 'audience_refused', moderatorsOnly: true })
    expect(model.view).toMatchObject({ moderatorsOnly: false, camera: 'off', microphone: 'on' })
    expect(effects).toEqual([{ type: 'release_device', device: 'camera' }])
  })

  it('stays where taking it back was not heard', () => {
    const back = reduce(wanted.model, { type: 'set_moderators_only', moderatorsOnly: false })
    const { model } = reduce(back.model, { type: 'audience_refused', moderatorsOnly: false })
    expect(model.view).toMatchObject({ moderatorsOnly: true, camera: 'on' })
  })

  it('is asked for again, first of all, where the server has forgotten it or never heard', () => {
    for (const resumed of [true, false]) {
      const { model, effects } = reduce(wanted.model, joined({ resumed }))
      expect(model.view.moderatorsOnly).toBe(true)
      const order = effects.map(({ type }) => type)
      expect(order.indexOf('request_audience')).toBeGreaterThan(-1)
      expect(order.indexOf('request_audience')).toBeLessThan(order.indexOf('start_media'))
    }
  })

  it('is learnt from the server by a page that was loaded anew', () => {
    const { model, effects } = run([{ type: 'join', name: '' }, joined({}, { moderatorsOnly: true })])
    expect(model.view.moderatorsOnly).toBe(true)
    expect(effects.some(({ type }) => type === 'request_audience')).toBe(false)
  })
})

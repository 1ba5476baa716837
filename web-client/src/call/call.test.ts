import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from '../protocol/connection'
import type { ErrorCode, ServerMessage } from '../protocol/generated'
import { QUIET_ROOM } from '../protocol/samples'
import { reduce } from './call'
import { type CallEvent, type CallModel, type Effect, INITIAL_MODEL } from './model'
import type { Device } from './devices'

const EXAMPLES = new URL('../../../signaling/protocol/examples/', import.meta.url)
const DEVICES: readonly Device[] = ['microphone', 'camera', 'screen']

const JOINED = {
  type: 'joined',
  participant: 'AAAAAAAAAAA',
  displayName: 'Invité 3',
  role: 'guest',
  resumed: false,
  resume: 'token',
  participants: [
    { participant: 'BBBBBBBBBBB', displayName: 'Bleuet', role: 'moderator', active: ['camera'], away: false },
  ],
  ...QUIET_ROOM,
} as const satisfies { type: 'joined' } & Record<string, unknown>

/** Runs events one after the other; gives the last model and all effects. */
function run(events: CallEvent[], start: CallModel = INITIAL_MODEL): { model: CallModel; effects: Effect[] } {
  let model = start
  const effects: Effect[] = []
  for (const event of events) {
    const step = reduce(model, event)
    model = step.model
    effects.push(...step.effects)
  }
  return { model, effects }
}

const heard = (message: unknown): CallEvent => ({ type: 'server', message: message as ServerMessage, at: 0 })
const error = (code: ErrorCode, fatal: boolean): CallEvent =>
  heard({ type: 'error', requestId: null, code, fatal })
const types = (effects: readonly Effect[]): string[] => effects.map(({ type }) => type)
const inCall = run([{ type: 'join', name: '' }, heard(JOINED), { type: 'media_connected' }]).model

describe('joining', () => {
  it('opens signaling and no device', () => {
    const { model, effects } = run([{ type: 'join', name: 'Camille' }])
    expect(model.view.phase).toEqual({ name: 'joining' })
    expect(effects).toEqual([{ type: 'open_signaling' }])
  })

  it('leads into the room with oneself first and everything off', () => {
    const { model, effects } = run([{ type: 'join', name: '' }, heard(JOINED)])
    expect(model.view.phase).toEqual({ name: 'in_call' })
    expect(model.view.participants.map(({ displayName, isSelf }) => [displayName, isSelf])).toEqual([
      ['Invité 3', true],
      ['Bleuet', false],
    ])
    expect([model.view.microphone, model.view.camera, model.view.screen]).toEqual(['off', 'off', 'off'])
    expect(model.view.connection).toBe('media_connecting')
    expect(types(effects)).toEqual(['open_signaling', 'remember_session', 'start_media'])
  })

  it('fails with the named cause, and says whether trying again makes sense', () => {
    const refused = run([{ type: 'join', name: '' }, error('join_refused', true)])
    expect(refused.model.view.phase).toEqual({ name: 'failed', problem: 'join_refused', retry: true })
    expect(types(refused.effects)).toContain('forget_session')
    const ended = run([{ type: 'join', name: '' }, error('room_ended', true)])
    expect(ended.model.view.phase).toEqual({ name: 'failed', problem: 'room_ended', retry: false })
  })

  it('gives an unreachable server up after some attempts, and can try again', () => {
    const lost = (attempts: number): CallEvent => ({ type: 'signaling_lost', attempts })
    const { model } = run([{ type: 'join', name: 'A' }, lost(1), lost(2), lost(3)])
    expect(model.view.phase.name).toBe('joining')
    const failed = run([lost(4)], model)
    expect(failed.model.view.phase).toMatchObject({ problem: 'server_unreachable', retry: true })
    const again = run([{ type: 'retry' }], failed.model)
    expect(again.model.view.phase.name).toBe('joining')
    expect(again.model.wantedName).toBe('A')
    expect(again.effects).toEqual([{ type: 'open_signaling' }])
  })

  it('reloads the page when the server speaks a newer version', () => {
    const { effects } = run([{ type: 'join', name: '' }, error('protocol_version', true)])
    expect(types(effects)).toContain('reload_page')
  })

  it('is refused to a page that cannot', () => {
    const { model } = run([{ type: 'cannot_join', problem: 'link_incomplete' }, { type: 'join', name: '' }])
    expect(model.view.phase).toEqual({ name: 'failed', problem: 'link_incomplete', retry: false })
  })
})

describe('devices', () => {
  it('open only in the room', () => {
    for (const device of DEVICES) expect(run([{ type: 'open_device', device }]).effects).toEqual([])
  })

  it('microphone: is sent as soon as it is open', () => {
    const opening = run([{ type: 'open_device', device: 'microphone' }], inCall)
    expect(opening.model.view.microphone).toBe('opening')
    const on = run([{ type: 'device_opened', device: 'microphone' }], opening.model)
    expect(on.model.view.microphone).toBe('on')
    expect(on.effects).toEqual([{ type: 'send_device', device: 'microphone' }])
    expect(on.model.view.participants[0]?.active).toEqual(new Set(['microphone']))
  })

  it('screen: what the picker gives is sent', () => {
    const on = run([{ type: 'open_device', device: 'screen' }, { type: 'device_opened', device: 'screen' }], inCall)
    expect(on.model.view.screen).toBe('on')
    expect(on.effects.at(-1)).toEqual({ type: 'send_device', device: 'screen' })
  })

  it('camera: is previewed, and sent only when confirmed', () => {
    const device = 'camera'
    const preview = run([{ type: 'open_device', device }, { type: 'device_opened', device }], inCall)
    expect(preview.model.view.camera).toBe('preview')
    expect(types(preview.effects)).not.toContain('send_device')
    expect(preview.model.view.participants[0]?.active).toEqual(new Set())
    const on = run([{ type: 'confirm_camera' }], preview.model)
    expect(on.model.view.camera).toBe('on')
    expect(on.effects).toEqual([{ type: 'send_device', device }])
    const off = run([{ type: 'close_device', device }], preview.model)
    expect(off.model.view.camera).toBe('off')
    expect(off.effects).toEqual([{ type: 'release_device', device }])
  })

  it.each(DEVICES)('%s: is released when it opens after it was closed', (device) => {
    const { model, effects } = run(
      [{ type: 'open_device', device }, { type: 'close_device', device }, { type: 'device_opened', device }],
      inCall,
    )
    expect(model.view[device]).toBe('off')
    expect(effects.at(-1)).toEqual({ type: 'release_device', device })
    expect(types(effects)).not.toContain('send_device')
  })

  it('say why they did not open', () => {
    const { model } = run(
      [
        { type: 'open_device', device: 'camera' },
        { type: 'device_failed', device: 'camera', problem: 'camera_busy' },
      ],
      inCall,
    )
    expect(model.view.camera).toBe('off')
    expect(model.view.notices.map(({ problem }) => problem)).toEqual(['camera_busy'])
  })

  it('unplugged: are off and said; a screen that ends is only off', () => {
    const on = (device: Device): CallModel => ({ ...inCall, view: { ...inCall.view, [device]: 'on' } })
    const camera = run([{ type: 'device_ended', device: 'camera' }], on('camera')).model.view
    expect([camera.camera, camera.notices[0]?.problem]).toEqual(['off', 'camera_missing'])
    const screen = run([{ type: 'device_ended', device: 'screen' }], on('screen')).model.view
    expect([screen.screen, screen.notices]).toEqual(['off', []])
  })

  it('stay on across a restart of the server, and nowhere else', () => {
    const on = run([{ type: 'open_device', device: 'microphone' }, { type: 'device_opened', device: 'microphone' }], inCall)
    const back = run(
      [heard({ type: 'goodbye', reason: 'server_restart', note: null }), { type: 'signaling_lost', attempts: 1 }, heard(JOINED)],
      on.model,
    )
    expect(back.model.view.microphone).toBe('on')
    expect(back.model.view.participants[0]?.active).toEqual(new Set(['microphone']))
    expect(back.effects.at(-1)).toEqual({ type: 'start_media', resumed: false })
    const left = run([{ type: 'leave' }, { type: 'retry' }, { type: 'join', name: '' }], on.model)
    expect(left.model.view.microphone).toBe('off')
  })
})

describe('the room', () => {
  const other = (model: CallModel): CallModel['view']['participants'][number] | undefined =>
    model.view.participants.find(({ id }) => id === 'BBBBBBBBBBB')

  it('shows who comes, goes, is away, turns something on and changes name', () => {
    const info = { participant: 'CCCCCCCCCCC', displayName: 'C', role: 'guest', active: [], away: false }
    const came = run([heard({ type: 'participant_joined', participant: info })], inCall).model
    expect(came.view.participants.map(({ id }) => id)).toEqual(['AAAAAAAAAAA', 'BBBBBBBBBBB', 'CCCCCCCCCCC'])
    const { model } = run(
      [
        heard({ type: 'participant_away', participant: 'BBBBBBBBBBB', away: true }),
        heard({ type: 'track_changed', participant: 'BBBBBBBBBBB', source: 'microphone', active: true }),
        heard({ type: 'track_changed', participant: 'BBBBBBBBBBB', source: 'camera', active: false }),
        heard({ type: 'participant_renamed', participant: 'BBBBBBBBBBB', displayName: 'Pavot' }),
        heard({ type: 'participant_left', participant: 'CCCCCCCCCCC' }),
      ],
      came,
    )
    expect(other(model)).toMatchObject({ away: true, displayName: 'Pavot', active: new Set(['microphone']) })
    expect(model.view.participants).toHaveLength(2)
  })

  it('show how good a connection is, one’s own included, until the server says otherwise', () => {
    const quality = (participant: string, quality: 'good' | 'poor'): CallEvent =>
      heard({ type: 'quality_changed', participant, quality })
    const self = inCall.view.selfId ?? ''
    const { model } = run([quality('BBBBBBBBBBB', 'poor'), quality(self, 'poor'), quality(self, 'good')], inCall)
    expect(model.view.participants.map((one) => one.quality)).toEqual(['good', 'poor'])
  })

  it('counts nobody twice when the same one is announced again', () => {
    const info = { ...JOINED.participants[0] }
    const { model } = run([heard({ type: 'participant_joined', participant: info })], inCall)
    expect(model.view.participants).toHaveLength(2)
  })

  it('asks for another name only when it is one', () => {
    expect(run([{ type: 'rename', name: '  Lys ' }], inCall).effects).toEqual([
      { type: 'request_rename', name: 'Lys' },
    ])
    for (const name of ['  ', 'x'.repeat(41)]) {
      const { model, effects } = run([{ type: 'rename', name }], inCall)
      expect(effects).toEqual([])
      expect(model.view.notices.at(-1)?.problem).toBe('name_invalid')
    }
    expect(run([{ type: 'rename', name: '🌻'.repeat(40) }], inCall).effects).toHaveLength(1)
    const { model } = run([{ type: 'rename', name: '  ' }], inCall)
    const participant = model.view.selfId ?? ''
    const renamed = run([heard({ type: 'participant_renamed', participant, displayName: 'Lys' })], model)
    expect(renamed.model.view.notices, 'a good name ends the complaint').toEqual([])
  })
})

describe('connections', () => {
  it('are told in one word', () => {
    const words = (events: CallEvent[]): string => run(events, inCall).model.view.connection
    expect(words([])).toBe('connected')
    expect(words([{ type: 'media_connecting' }])).toBe('media_connecting')
    expect(words([{ type: 'signaling_lost', attempts: 1 }])).toBe('reconnecting')
    const restart = heard({ type: 'goodbye', reason: 'server_restart', note: null })
    expect(words([restart, { type: 'signaling_lost', attempts: 1 }])).toBe('server_restarting')
    expect(words([restart, heard({ ...JOINED, resumed: true })])).toBe('connected')
  })

  it('an announced restart is known until the server is another', () => {
    const announced = run([{ type: 'server', message: { type: 'restart_announced', restartMs: 60_000 }, at: 5_000 }], inCall)
    expect(announced.model.view.restartsAt).toBe(65_000)
    const restart = heard({ type: 'goodbye', reason: 'server_restart', note: null })
    const back = run([restart, { type: 'signaling_lost', attempts: 1 }, heard(JOINED)], announced.model)
    expect(back.model.view.restartsAt).toBeNull()
  })

  it('lost signaling ends nothing', () => {
    const { model, effects } = run([{ type: 'signaling_lost', attempts: 99 }], inCall)
    expect(model.view.phase.name).toBe('in_call')
    expect(model.view.participants).toHaveLength(2)
    expect(effects).toEqual([])
  })

  it('blocked media is told once and forgiven when it flows', () => {
    const blocked = run([{ type: 'media_blocked' }, { type: 'media_blocked' }], inCall).model
    expect(blocked.view.notices.map(({ problem }) => problem)).toEqual(['media_blocked'])
    expect(blocked.view.connection).toBe('media_connecting')
    const { view } = run([{ type: 'media_connected' }], blocked).model
    expect([view.connection, view.notices]).toEqual(['connected', []])
  })

  it.each(['overloaded', 'restarting'] as const)('a server that is %s in the middle of a call is a notice, not the end', (code) => {
    const { model } = run([error(code, true)], inCall)
    expect(model.view.phase.name).toBe('in_call')
    expect(model.view.notices.at(-1)?.problem).toBe(code)
  })
})

describe('the end', () => {
  const END = ['release_everything', 'stop_media', 'close_signaling', 'forget_session']

  it.each([
    ['leaving', { type: 'leave' }, { name: 'left', reason: 'left', note: null }],
    ['the end of the room', heard({ type: 'goodbye', reason: 'room_ended', note: null }), { name: 'left', reason: 'room_ended', note: null }],
    ['the end of the meeting', heard({ type: 'goodbye', reason: 'meeting_ended', note: null }), { name: 'left', reason: 'meeting_ended', note: null }],
    ['another page', heard({ type: 'goodbye', reason: 'replaced', note: null }), { name: 'left', reason: 'replaced', note: null }],
    ['the expiry of the room', error('room_ended', true), { name: 'left', reason: 'room_ended', note: null }],
    ['a fault of the page', error('malformed', true), { name: 'failed', problem: 'malformed', retry: true }],
  ] as [string, CallEvent, unknown][])('by %s releases and closes everything', (_, event, phase) => {
    const { model, effects } = run([event], inCall)
    expect(model.view.phase).toEqual(phase)
    expect(types(effects)).toEqual(END)
    expect(model.view.participants).toEqual([])
  })

  it('stays the end, whatever still arrives', () => {
    const { model } = run([{ type: 'leave' }], inCall)
    const late = run([heard(JOINED), { type: 'media_connected' }, { type: 'signaling_lost', attempts: 1 }, { type: 'media_blocked' }], model)
    expect(late.model.view).toEqual(model.view)
    expect(late.effects).toEqual([])
  })

  it('waits to be let in, keeps its place, and opens nothing', () => {
    const waiting = heard({ type: 'waiting', participant: 'me', resume: 'token' })
    const { model, effects } = run([{ type: 'join', name: '' }, waiting])
    expect(model.view.phase).toEqual({ name: 'waiting' })
    expect(effects).toEqual([{ type: 'open_signaling' }, { type: 'remember_session', token: 'token' }])
    expect(reduce(model, { type: 'open_device', device: 'microphone' }).effects).toEqual([])
    expect(reduce(model, heard(JOINED)).model.view.phase).toEqual({ name: 'in_call' })
    const words = [{ type: 'signaling_lost', attempts: 1 }, waiting, heard({ type: 'goodbye', reason: 'server_restart', note: null })] as const
    const told = words.map((_, index) => run(words.slice(0, index + 1), model).model.view.connection)
    expect(told).toEqual(['reconnecting', 'connected', 'server_restarting'])
    const ended = heard({ type: 'goodbye', reason: 'meeting_ended', note: null })
    expect(reduce(model, ended).model.view.phase).toEqual({ name: 'left', reason: 'meeting_ended', note: null })
    const refused = heard({ type: 'goodbye', reason: 'entry_refused', note: 'À demain.' })
    expect(reduce(model, refused).model.view.phase).toEqual({ name: 'left', reason: 'entry_refused', note: 'À demain.' })
  })

  it('releases a device that was stopped, says so, and opens none that is asked for', () => {
    const speaking = run([
      { type: 'join', name: '' },
      heard(JOINED),
      { type: 'open_device', device: 'microphone' },
      { type: 'device_opened', device: 'microphone' },
    ]).model
    const stopped = reduce(speaking, heard({ type: 'source_stopped', source: 'microphone' }))
    expect(stopped.effects).toEqual([{ type: 'release_device', device: 'microphone' }])
    expect(stopped.model.view.notices.map(({ problem }) => problem)).toEqual(['microphone_stopped'])
    const again = reduce(stopped.model, heard({ type: 'source_stopped', source: 'microphone' }))
    expect(again.effects).toEqual([])
    for (const source of ['microphone', 'camera', 'screen'] as const) {
      const asked = reduce(stopped.model, heard({ type: 'invited', source }))
      expect(asked.effects).toEqual([])
      expect(asked.model.view.notices.at(-1)?.problem).toBe(`${source}_asked`)
    }
  })

  describe('the rules of the room', () => {
    const rights = { ...QUIET_ROOM.rights, screen: false, microphone: false }
    const changed = (to: typeof rights): CallEvent => heard({ type: 'rules_changed', rules: QUIET_ROOM.rules, rights: to })
    const problems = (model: CallModel): string[] => model.view.notices.map(({ problem }) => problem)

    it('let no device open that they do not allow, and say so until they do', () => {
      const closed = run([changed(rights)], inCall).model
      const tried = reduce(closed, { type: 'open_device', device: 'screen' })
      expect(tried.effects).toEqual([])
      expect(tried.model.view.screen).toBe('off')
      expect(problems(tried.model)).toEqual(['screen_forbidden'])
      const opened = run([changed({ ...rights, screen: true })], tried.model).model
      expect(problems(opened)).toEqual([])
      expect(types(reduce(opened, { type: 'open_device', device: 'screen' }).effects)).toEqual(['open_device'])
    })

    it('leave no invitation standing that leads nowhere', () => {
      const asked = run([heard({ type: 'invited', source: 'microphone' })], inCall).model
      expect(problems(asked)).toEqual(['microphone_asked'])
      expect(problems(run([changed(rights)], asked).model)).toEqual([])
    })

    it('what was said of a device is over when its person turns it on', () => {
      const said = run(
        [heard({ type: 'invited', source: 'microphone' }), { type: 'open_device', device: 'microphone' }],
        inCall,
      ).model
      expect(problems(said)).toEqual([])
    })
  })

  it('tells whoever gets the role, or loses it, once', () => {
    const role = (to: string, participant: string = JOINED.participant): CallEvent =>
      heard({ type: 'role_changed', participant, role: to })
    const given = run([role('moderator'), role('moderator')], inCall).model
    expect(given.view.role).toBe('moderator')
    expect(given.view.notices.map(({ problem }) => problem)).toEqual(['role_given'])
    const taken = run([role('guest')], given).model
    expect(taken.view.notices.map(({ problem }) => problem)).toEqual(['role_taken'])
    expect(run([role('guest', 'BBBBBBBBBBB')], inCall).model.view.notices).toEqual([])
  })

  it('says goodbye to the server only when one leaves', () => {
    const close = (event: CallEvent): Effect | undefined =>
      run([event], inCall).effects.find(({ type }) => type === 'close_signaling')
    expect(close({ type: 'leave' })).toEqual({ type: 'close_signaling', how: 'leave' })
    expect(close(heard({ type: 'goodbye', reason: 'replaced', note: null }))).toEqual({ type: 'close_signaling', how: 'silent' })
  })
})

describe('notices', () => {
  it('are at most three, each once, and can be dismissed', () => {
    const codes: ErrorCode[] = ['overloaded', 'internal', 'overloaded', 'not_allowed', 'rate_limited']
    const { view } = run(codes.map((code) => error(code, false)), inCall).model
    expect(view.notices.map(({ problem }) => problem)).toEqual(['overloaded', 'not_allowed', 'rate_limited'])
    const key = view.notices[0]?.key ?? -1
    const after = run([...codes.map((code) => error(code, false)), { type: 'dismiss_notice', key }], inCall)
    expect(after.model.view.notices.map(({ problem }) => problem)).toEqual(['not_allowed', 'rate_limited'])
  })
})

/** Every message the server can say, from the examples both sides share. */
function examples(): [string, ServerMessage][] {
  return readdirSync(EXAMPLES)
    .filter((file) => file.startsWith('server-'))
    .map((file) => {
      const message = parse(readFileSync(new URL(file, EXAMPLES), 'utf8'))
      if (message === null) throw new Error(`${file} is not a message this page knows`)
      return [file, message]
    })
}

describe('messages of the server', () => {
  it.each(examples())('%s: never turn a device on (r11_no_message_turns_a_camera_on)', (_, message) => {
    for (const start of [INITIAL_MODEL, run([{ type: 'join', name: '' }]).model, inCall]) {
      const { model, effects } = run([{ type: 'server', message: message, at: 0 }], start)
      for (const device of DEVICES) expect(model.view[device]).toBe('off')
      expect(types(effects)).not.toContain('open_device')
      expect(types(effects)).not.toContain('send_device')
    }
  })

  it('in any order, mixed with clicks, open only what was clicked', () => {
    const messages = examples().map(([, message]): CallEvent => ({ type: 'server', message, at: 0 }))
    const clicks: CallEvent[] = [
      { type: 'join', name: '' },
      { type: 'leave' },
      { type: 'retry' },
      ...DEVICES.flatMap((device): CallEvent[] => [
        { type: 'open_device', device },
        { type: 'close_device', device },
        { type: 'device_opened', device },
        { type: 'device_ended', device },
      ]),
      { type: 'confirm_camera' },
    ]
    let seed = 11
    const pick = <T>(from: readonly T[]): T => {
      seed = (seed * 48271) % 2147483647
      return from[seed % from.length] as T
    }
    let model = INITIAL_MODEL
    for (let i = 0; i < 3_000; i++) {
      if (model.view.phase.name === 'left' || i % 100 === 0) model = INITIAL_MODEL
      const event = pick(pick([messages, clicks]))
      const step = reduce(model, event)
      for (const effect of step.effects) {
        if (effect.type === 'open_device') expect(event).toEqual({ type: 'open_device', device: effect.device })
        if (effect.type === 'send_device') {
          const word = { type: 'device_opened', device: effect.device }
          expect(event).toEqual(effect.device === 'camera' ? { type: 'confirm_camera' } : word)
        }
      }
      const { phase, participants } = step.model.view
      if (phase.name === 'in_call') {
        expect(participants.filter(({ isSelf }) => isSelf)).toHaveLength(1)
        expect(new Set(participants.map(({ id }) => id)).size).toBe(participants.length)
      } else {
        for (const device of DEVICES) expect(step.model.view[device]).toBe('off')
      }
      // Nothing is open against the rules.
      for (const device of DEVICES) {
        if (step.model.view.rights?.[device] === false) expect(step.model.view[device]).toBe('off')
      }
      model = step.model
    }
  })
})

describe('what the server asks of the media', () => {
  const hear = (message: ServerMessage) => reduce(inCall, heard(message))

  it('is carried out', () => {
    expect(hear({ type: 'layers_wanted', source: 'camera', rids: ['l'] }).effects).toEqual([
      { type: 'want_layers', source: 'camera', rids: ['l'] },
    ])
    expect(hear({ type: 'slots_paused', mids: ['5'] }).effects).toEqual([{ type: 'mark_slots', why: 'paused', mids: ['5'] }])
    expect(hear({ type: 'slots_unplayable', mids: ['5'] }).effects).toEqual([{ type: 'mark_slots', why: 'unplayable', mids: ['5'] }])
    expect(hear({ type: 'offer_wanted' }).effects).toEqual([{ type: 'offer_again' }])
  })

  it('marks who speaks, until told otherwise or left', () => {
    const { model } = hear({ type: 'speakers', participants: ['CCCCCCCCCCC'] })
    expect([...model.speakers]).toEqual(['CCCCCCCCCCC'])
    expect(model.view).toBe(inCall.view)
    expect(reduce(model, { type: 'server', message: { type: 'speakers', participants: [] }, at: 0 }).model.speakers.size).toBe(0)
    expect(reduce(model, { type: 'leave' }).model.speakers.size).toBe(0)
  })
})

describe('a poor connection', () => {
  it('is remembered before joining and told on every entering', () => {
    const chosen = reduce(INITIAL_MODEL, { type: 'set_saving', saving: true })
    expect(chosen.effects).toEqual([])
    const joining = reduce(chosen.model, { type: 'join', name: '' }).model
    const joined = reduce(joining, heard(JOINED))
    expect(joined.effects.at(-1)).toEqual({ type: 'request_reception', saving: true })
    expect(reduce(joined.model, heard(JOINED)).effects.at(-1)).toEqual({ type: 'request_reception', saving: true })
  })

  it('is told once when it is switched in the room', () => {
    const on = reduce(inCall, { type: 'set_saving', saving: true })
    expect(on.model.view.saving).toBe(true)
    expect(on.effects).toEqual([{ type: 'request_reception', saving: true }])
    expect(reduce(on.model, { type: 'set_saving', saving: true }).effects).toEqual([])
  })
})

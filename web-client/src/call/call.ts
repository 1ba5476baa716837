// The call as a pure function: what was, and what happened, give what is and what to do about it.
// No DOM, no WebRTC, no clock; the runner carries the effects out.

import type {
  ErrorCode,
  GoodbyeReason,
  ParticipantInfo,
  Rights,
  RoomRules,
  ServerMessage,
  TrackSource,
} from '../protocol/generated'
import { changeLife, enterLife, hearLife, leaveLife, type LifeMessage, QUIET_LIFE } from './class-life'
import type { Device } from './devices'
import type { CallEvent, CallModel, Effect, Step } from './model'
import { changeRecording, enterRecording, hearRecording, NO_RECORDING, type RecordingStep } from './recording'
import type { CallState, Connection, DeviceState, Participant, ParticipantId, Problem } from './state'

/** One step of the call. */
export function reduce(model: CallModel, event: CallEvent): Step {
  const phase = model.view.phase.name
  switch (event.type) {
    case 'join':
      if (phase !== 'prejoin') return stay(model)
      return step(show({ ...model, wantedName: event.name }, { phase: { name: 'joining' } }), [
        { type: 'open_signaling' },
      ])
    case 'retry':
      if (model.view.phase.name !== 'failed' || !model.view.phase.retry) return stay(model)
      return step(show(model, { phase: { name: 'joining' } }), [{ type: 'open_signaling' }])
    case 'leave':
      if (!isConnected(phase)) return stay(model)
      return end(model, { name: 'left', reason: 'left', note: null }, 'leave')
    case 'rename':
      return rename(model, event.name)
    case 'open_device':
      if (phase !== 'in_call' || model.view[event.device] !== 'off') return stay(model)
      if (isForbidden(model, event.device)) return step(notify(model, `${event.device}_forbidden`), [])
      // What was said of it before is answered now.
      return step(forgive(setDevice(model, event.device, 'opening'), ...wordsOf(event.device)), [event])
    case 'confirm_camera':
      if (model.view.camera !== 'preview') return stay(model)
      if (isForbidden(model, 'camera')) return closeForbidden(model)
      return step(setDevice(model, 'camera', 'on'), [{ type: 'send_device', device: 'camera' }])
    case 'close_device':
    case 'device_ended':
      return closeDevice(model, event.device, event.type === 'device_ended')
    case 'device_opened':
      // Closed while it was opening: what came is not wanted any more.
      if (model.view[event.device] !== 'opening') {
        return step(model, [{ type: 'release_device', device: event.device }])
      }
      if (isForbidden(model, event.device)) return closeForbidden(model)
      if (event.device === 'camera') return step(setDevice(model, 'camera', 'preview'), [])
      return step(setDevice(model, event.device, 'on'), [{ type: 'send_device', device: event.device }])
    case 'device_failed':
      if (model.view[event.device] !== 'opening') return stay(model)
      return step(notify(setDevice(model, event.device, 'off'), event.problem), [])
    case 'set_saving': {
      if (event.saving === model.view.saving) return stay(model)
      const saving = show(model, { saving: event.saving })
      // Before joining it is only remembered.
      return step(saving, phase === 'in_call' ? [{ type: 'request_reception', saving: event.saving }] : [])
    }
    case 'set_moderators_only': {
      if (event.moderatorsOnly === model.view.moderatorsOnly) return stay(model)
      const { moderatorsOnly } = event
      return step(
        show(model, { moderatorsOnly }),
        phase === 'in_call' ? [{ type: 'request_audience', moderatorsOnly }] : [],
      )
    }
    case 'audience_refused': {
      if (event.moderatorsOnly !== model.view.moderatorsOnly) return stay(model)
      const back = show(model, { moderatorsOnly: !event.moderatorsOnly })
      // Nobody sees a picture that was meant for the moderators alone.
      return event.moderatorsOnly ? closeDevice(back, 'camera', false) : step(back, [])
    }
    case 'hold_opinion':
    case 'voted':
    case 'put_away':
    case 'put_away_help':
      return step(live(model, changeLife(model.view.life, event)), [])
    case 'answer_recording':
    case 'recording_settled':
    case 'put_away_recording':
    case 'recipients_checked':
      return recorded(model, changeRecording(model.view.recording, event))
    case 'dismiss_notice': {
      const notices = model.view.notices.filter(({ key }) => key !== event.key)
      return step(show(model, { notices }), [])
    }
    case 'cannot_join':
      return step(show(model, { phase: { name: 'failed', problem: event.problem, retry: false } }), [])
    case 'cannot_stay':
      return isConnected(phase) ? end(model, { name: 'failed', problem: event.problem, retry: false }, 'leave') : stay(model)
    case 'check_failed':
    case 'request_refused':
      return step(notify(model, event.problem), [])
    case 'server':
      if (!isConnected(phase)) return stay(model)
      return hear(model, event.message, event.at)
    case 'signaling_lost':
      return signalingLost(model, event.attempts)
    case 'media_connecting':
      return step(connect({ ...model, media: 'connecting' }), [])
    case 'media_connected':
      return step(connect(forgive({ ...model, media: 'connected' }, 'media_blocked')), [])
    case 'media_blocked':
      if (phase !== 'in_call') return stay(model)
      return step(notify(connect({ ...model, media: 'connecting' }), 'media_blocked'), [])
  }
}

/** From the click on "join" to the last page. */
function isConnected(phase: CallState['phase']['name']): boolean {
  return phase === 'joining' || phase === 'waiting' || phase === 'in_call'
}

function hear(model: CallModel, message: ServerMessage, at: number): Step {
  switch (message.type) {
    case 'answer':
    case 'done':
    case 'known':
    case 'pong':
    case 'recording_answered':
    case 'mls_wanted':
    case 'mls_committed':
    case 'mls_welcome':
    case 'mls_all_ready':
    case 'mls_lost':
    case 'mls_said':
    case 'mls_admission_asked':
    case 'mls_admission':
    case 'mls_poll_opened':
    case 'mls_ballots_counted':
    case 'mls_ballots':
    case 'mls_poll_closed':
      // No use for it, or answers to a request, for whoever made it.
      return stay(model)
    case 'link_rotated':
      return step(show(model, { linkGeneration: message.generation }), [])
    case 'hands_changed':
    case 'reacted':
    case 'opinions_changed':
    case 'timer_changed':
    case 'spotlight_changed':
    case 'chatted':
    case 'announced':
    case 'poll_changed':
    case 'poll_closed':
    case 'help_called':
      return step(hearClass(model, message, at), [])
    case 'recording_changed':
    case 'answers_changed':
      return step(show(model, { recording: hearRecording(model.view.recording, message) }), [])
    case 'groups_changed': {
      const places = new Map(message.places.map(({ participant, group }) => [participant, group]))
      const participants = model.view.participants.map((one) => {
        const group = places.get(one.id)
        return group === undefined ? one : { ...one, group }
      })
      return step(show(model, { participants }), [])
    }
    case 'speakers':
      return step({ ...model, speakers: new Set(message.participants as ParticipantId[]) }, [])
    case 'layers_wanted':
      return step(model, [{ type: 'want_layers', source: message.source, rids: message.rids }])
    case 'quality_changed':
      return changeParticipant(model, message.participant, () => ({ quality: message.quality }))
    case 'slots_paused':
      return step(model, [{ type: 'mark_slots', why: 'paused', mids: message.mids }])
    case 'slots_unplayable':
      return step(model, [{ type: 'mark_slots', why: 'unplayable', mids: message.mids }])
    case 'offer_wanted':
      return step(model, [{ type: 'offer_again' }])
    case 'joined':
      return joined(model, message, at)
    case 'error':
      return message.fatal ? fatal(model, message.code) : step(notify(model, message.code), [])
    case 'restart_announced':
      return step(show(model, { restartsAt: at + message.restartMs }), [])
    case 'goodbye':
      return goodbye(model, message.reason, message.note)
    case 'waiting': {
      const waiting = { ...model, signaling: 'up' as const }
      // Whoever was in the room and has to wait again sends nothing, and opens everything by a new click.
      const out = outside(waiting, { name: 'waiting' })
      return step(out.model, [
        { type: 'remember_session', token: message.resume },
        ...(model.view.phase.name === 'in_call' ? out.effects : []),
      ])
    }
    case 'waiting_changed': {
      const waiting = message.waiting.map(({ participant, displayName }) => ({
        id: participant as ParticipantId,
        displayName,
      }))
      return step(show(model, { waiting }), [])
    }
    case 'rules_changed':
      return closeForbidden(rulesChanged(model, message.rules, message.rights))
    case 'granted_changed':
      return changeParticipant(model, message.participant, () => ({ granted: message.granted }))
    case 'source_stopped':
      return closeStopped(model, [deviceOf(message.source)])
    case 'invited':
      return step(notify(model, `${deviceOf(message.source)}_asked`), [])
    case 'role_changed': {
      const changed = changeParticipant(model, message.participant, () => ({ role: message.role }))
      if (message.participant !== model.view.selfId || message.role === model.view.role) return changed
      const [now, before]: [Problem, Problem] = message.role === 'moderator' ? ['role_given', 'role_taken'] : ['role_taken', 'role_given']
      // What moderators alone are told of the others.
      const known = changed.model.view.participants.map((one) => ({ ...one, handle: null, granted: null }))
      const participants = message.role === 'guest' ? known : changed.model.view.participants
      const { recording } = changed.model.view
      const own = show(forgive(changed.model, before), {
        role: message.role,
        participants,
        recording: message.role === 'guest' ? { ...recording, counts: null } : recording,
      })
      return step(notify(own, now), changed.effects)
    }
    case 'participant_joined': {
      const info = message.participant
      const others = model.view.participants.filter(({ id }) => id !== info.participant)
      return step(show(model, { participants: [...others, participantOf(info)] }), [])
    }
    case 'participant_left': {
      const participants = model.view.participants.filter(
        ({ id, isSelf }) => id !== message.participant || isSelf,
      )
      return step(live(show(model, { participants }), leaveLife(model.view.life, message.participant)), [])
    }
    case 'participant_away':
      return changeParticipant(model, message.participant, () => ({ away: message.away }))
    case 'participant_renamed': {
      const { participant, displayName } = message
      const change = () => ({ displayName })
      if (participant !== model.view.selfId) return changeParticipant(model, participant, change)
      // What was wrong with an earlier name no longer matters.
      const notices = model.view.notices.filter(({ problem }) => problem !== 'name_invalid')
      return changeParticipant(show({ ...model, wantedName: displayName }, { notices }), participant, change)
    }
    case 'track_changed':
      return changeParticipant(model, message.participant, ({ active, isSelf }) =>
        // What oneself sends follows the own devices; no message turns anything on.
        isSelf ? {} : { active: withSource(active, message.source, message.active) },
      )
  }
}

function joined(model: CallModel, message: Extract<ServerMessage, { type: 'joined' }>, at: number): Step {
  const self: Participant = {
    id: message.participant as ParticipantId,
    displayName: message.displayName,
    role: message.role,
    isSelf: true,
    away: false,
    quality: 'good',
    active: ownActive(model.view),
    group: message.own.group,
    handle: null,
    granted: null,
  }
  const others = message.participants.map(participantOf).filter(({ id }) => id !== self.id)
  // A page that was in the room knows what its person wants; one that was loaded anew asks the server.
  const moderatorsOnly = model.hasEntered ? model.view.moderatorsOnly : message.own.moderatorsOnly
  const next = show(
    { ...model, signaling: 'up', hasEntered: true, wantedName: message.displayName, speakers: new Set() },
    {
      phase: { name: 'in_call' },
      selfId: self.id,
      role: message.role,
      rules: message.rules,
      rights: message.rights,
      linkGeneration: message.linkGeneration,
      moderatorsOnly,
      // What is announced is said again right after.
      restartsAt: null,
      life: enterLife(model.view.life, message.state, message.own, new Set(others.map(({ id }) => id)), at),
      waiting: [],
      participants: [self, ...others],
    },
  )
  const heard = recorded(next, enterRecording(model.view.recording, message.state.recording))
  // What was stopped or forbidden while this page did not hear, before anything is said to be on.
  const stopped = message.own.stopped.map(deviceOf)
  const closed = closeStopped(heard.model, DEVICES.filter((device) => stopped.includes(device) || isForbidden(next, device)))
  return step(connect(closed.model), [
    { type: 'remember_session', token: message.resume },
    ...closed.effects,
    ...heard.effects,
    // Before anything is published: a server that was restarted has forgotten it.
    ...(moderatorsOnly === message.own.moderatorsOnly ? [] : [{ type: 'request_audience' as const, moderatorsOnly }]),
    { type: 'start_media', resumed: message.resumed },
    ...(model.view.saving ? [{ type: 'request_reception' as const, saving: true }] : []),
  ])
}

/** What the rules do not let the person turn on now. */
function isForbidden(model: CallModel, device: Device): boolean {
  return model.view.rights?.[device] === false
}

/** Closes what is open and not allowed any more: the next time it is allowed, only a click opens it. */
function closeForbidden(model: CallModel): Step {
  return closeStopped(model, DEVICES.filter((device) => isForbidden(model, device)))
}

/** Closes those of these devices that are open, and says that it was not the person. */
function closeStopped(model: CallModel, devices: readonly Device[]): Step {
  return devices.reduce<Step>((before, device) => {
    const closed = closeDevice(before.model, device, false)
    if (closed.model === before.model) return before
    return step(notify(closed.model, `${device}_stopped`), [...before.effects, ...closed.effects])
  }, stay(model))
}

/** What was not allowed and now is need not be told any more, nor an invitation that now leads nowhere. */
function rulesChanged(model: CallModel, rules: RoomRules, rights: Rights): CallModel {
  const moot = DEVICES.map(
    (device): Problem => (rights[device] ? `${device}_forbidden` : `${device}_asked`),
  )
  return show(forgive(model, ...moot), { rules, rights })
}

/** The device of a source: a shared screen and its sound are one. */
function deviceOf(source: TrackSource): Device {
  return source === 'screen_audio' ? 'screen' : source
}

/** What may have been said about a device that the person turns on. */
function wordsOf(device: Device): Problem[] {
  return [`${device}_asked`, `${device}_stopped`, `${device}_forbidden`]
}

function hearClass(model: CallModel, message: LifeMessage, at: number): CallModel {
  return live(model, hearLife(model.view.life, message, model.view.participants, at))
}

function recorded(model: CallModel, { recording, answer }: RecordingStep): Step {
  return step(show(model, { recording }), answer === null ? [] : [{ type: 'answer_recording', answer }])
}

function live(model: CallModel, life: CallModel['view']['life']): CallModel {
  return show(model, { life })
}

/** The server closes the session after this error. */
function fatal(model: CallModel, code: ErrorCode): Step {
  if (code === 'protocol_version') {
    const failed = end(model, { name: 'failed', problem: code, retry: false }, 'silent')
    return step(failed.model, [...failed.effects, { type: 'reload_page' }])
  }
  const inCall = model.view.phase.name === 'in_call'
  if (code === 'room_ended' && inCall) return end(model, { name: 'left', reason: 'room_ended', note: null }, 'silent')
  // A loaded server in the middle of a call: the connection tries again by itself.
  if (inCall && TEMPORARY.has(code)) return step(notify(model, code), [])
  return end(model, { name: 'failed', problem: code, retry: !HOPELESS.has(code) }, 'silent')
}

function goodbye(model: CallModel, reason: GoodbyeReason, note: string | null): Step {
  if (reason !== 'server_restart') return end(model, { name: 'left', reason, note }, 'silent')
  return step(connect({ ...model, signaling: 'restarting' }), [])
}

function signalingLost(model: CallModel, attempts: number): Step {
  const { phase } = model.view
  if (phase.name === 'joining' && attempts >= ATTEMPTS_BEFORE_FAILING) {
    return end(model, { name: 'failed', problem: 'server_unreachable', retry: true }, 'silent')
  }
  if (phase.name !== 'in_call' && phase.name !== 'waiting') return stay(model)
  const restarting = model.signaling === 'restarting'
  return step(connect({ ...model, signaling: restarting ? 'restarting' : 'down' }), [])
}

function rename(model: CallModel, name: string): Step {
  const trimmed = name.trim()
  if (model.view.phase.name !== 'in_call') return stay(model)
  if (trimmed === '' || Array.from(trimmed).length > MAX_NAME_CHARS) return step(notify(model, 'name_invalid'), [])
  return step(model, [{ type: 'request_rename', name: trimmed }])
}

function closeDevice(model: CallModel, device: Device, unplugged: boolean): Step {
  const before = model.view[device]
  if (before === 'off') return stay(model)
  const off = setDevice(model, device, 'off')
  // A screen ends by the browser's own "stop sharing" button: nothing went wrong.
  const told = unplugged && device !== 'screen' ? notify(off, `${device}_missing`) : off
  return step(told, [{ type: 'release_device', device }])
}

/** Ends the call, whatever it was doing: nothing stays open. */
function end(model: CallModel, phase: CallState['phase'], how: 'leave' | 'silent'): Step {
  const out = outside({ ...model, signaling: 'down' }, phase)
  return step(out.model, [...out.effects, { type: 'close_signaling', how }, { type: 'forget_session' }])
}

/** Out of the room: nothing of it is known, nothing of the person is open. */
function outside(model: CallModel, phase: CallState['phase']): Step {
  const view: Partial<CallState> = {
    phase,
    connection: 'connected',
    participants: [],
    selfId: null,
    microphone: 'off',
    camera: 'off',
    screen: 'off',
    restartsAt: null,
    life: QUIET_LIFE,
    recording: NO_RECORDING,
    notices: [],
  }
  return step(show({ ...model, media: 'connecting', speakers: new Set() }, view), [
    { type: 'release_everything' },
    { type: 'stop_media' },
  ])
}

function setDevice(model: CallModel, device: Device, state: DeviceState): CallModel {
  const next = show(model, { [device]: state })
  const active = ownActive(next.view)
  const participants = next.view.participants.map((one) => (one.isSelf ? { ...one, active } : one))
  return show(next, { participants })
}

/** What oneself sends: the devices that are on. */
function ownActive(view: CallState): ReadonlySet<TrackSource> {
  return new Set(DEVICES.filter((device) => view[device] === 'on'))
}

function participantOf(info: ParticipantInfo): Participant {
  return {
    id: info.participant as ParticipantId,
    displayName: info.displayName,
    role: info.role,
    isSelf: false,
    away: info.away,
    // Told right after, where it is otherwise.
    quality: 'good',
    active: new Set(info.active),
    group: info.group,
    handle: info.handle,
    granted: info.granted,
  }
}

function changeParticipant(
  model: CallModel,
  id: string,
  change: (participant: Participant) => Partial<Participant>,
): Step {
  const participants = model.view.participants.map((one) =>
    one.id === id ? { ...one, ...change(one) } : one,
  )
  return step(show(model, { participants }), [])
}

function withSource(
  active: ReadonlySet<TrackSource>,
  source: TrackSource,
  on: boolean,
): ReadonlySet<TrackSource> {
  const next = new Set(active)
  if (on) next.add(source)
  else next.delete(source)
  return next
}

/** Both connections as the one word a screen shows. */
function connect(model: CallModel): CallModel {
  const { phase } = model.view
  if (phase.name !== 'in_call' && phase.name !== 'waiting') return model
  // Whoever waits has no media yet, and misses none.
  const media: Connection = phase.name === 'waiting' || model.media === 'connected' ? 'connected' : 'media_connecting'
  const words = { up: media, down: 'reconnecting', restarting: 'server_restarting' } as const
  return show(model, { connection: words[model.signaling] })
}

/** Tells something; the same thing is told once, as the newest. */
function notify(model: CallModel, problem: Problem): CallModel {
  const others = forgive(model, problem).view.notices
  const notices = [...others, { key: model.nextNoticeKey, problem }].slice(-MAX_NOTICES)
  return show({ ...model, nextNoticeKey: model.nextNoticeKey + 1 }, { notices })
}

function forgive(model: CallModel, ...problems: readonly Problem[]): CallModel {
  return show(model, { notices: model.view.notices.filter(({ problem }) => !problems.includes(problem)) })
}

function show(model: CallModel, change: Partial<CallState>): CallModel {
  return { ...model, view: { ...model.view, ...change } }
}

function step(model: CallModel, effects: readonly Effect[]): Step {
  return { model, effects }
}

function stay(model: CallModel): Step {
  return step(model, [])
}

const DEVICES = ['microphone', 'camera', 'screen'] as const
/** Longest pseudonym, as the server counts it. */
const MAX_NAME_CHARS = 40
/** More would cover the picture on a phone. */
const MAX_NOTICES = 3
/** About four seconds of trying. Higher: longer before the person learns of it. */
const ATTEMPTS_BEFORE_FAILING = 4
/** What passes by itself. `not_joined`: this page slept while it came back, and its first word came too late. */
const TEMPORARY: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['restarting', 'overloaded', 'internal', 'rate_limited', 'not_joined'])
/** Trying again with the same link and page gives the same answer. */
const HOPELESS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['room_ended', 'protocol_version'])

// Every screen without a server, for eyes and for screenshots: `npx vite`, then /gallery/?screen=…
// The build does not include it.

import { render } from 'preact'
import { INITIAL_MODEL } from '../src/call/model'
import type { CallState, Connection, DeviceState, Phase, Problem, ParticipantId } from '../src/call/state'
import { NO_RECORDING, type OwnAnswer, type Recording } from '../src/call/recording'
import { loadTexts, startLanguage } from '../src/i18n'
import type { RecordingInfo } from '../src/protocol/generated'
import { App } from '../src/ui/app'
import { busyLife } from './busy-life'
import { classOf, fakeCall, pageOf } from './fake-call'
import { OPEN_RULES } from '../src/protocol/samples'

const asked = new URLSearchParams(location.search)
const screen = asked.get('screen') ?? 'home'
const root = document.getElementById('app')

if (root !== null) void startLanguage().then(loadTexts).then(() => {
  show(root)
})

function show(root: HTMLElement): void {
  const address = asked.get('role') === 'guest' ? 'v1' : 'v1m'
  const state = stateOf()
  const call = fakeCall(state, !asked.has('clear'), asked.get('lock'))
  history.replaceState(null, '', `/r/${'A'.repeat(22)}${location.search}#${address}.${'A'.repeat(22)}`)
  if (screen === 'home' || screen === 'limits' || screen === 'rooms' || screen === 'test' || screen === 'unknown') render(<App page={{ name: screen }} />, root)
  else render(<App page={pageOf(call)} />, root)
}

function stateOf(): CallState {
  const count = Number(asked.get('n') ?? 5)
  const role = asked.get('role') === 'guest' ? 'guest' : 'moderator'
  const forbidden = asked.getAll('forbidden').map((right) => [right, false] as const)
  const guests = { ...OPEN_RULES.open.guests, ...Object.fromEntries(forbidden) }
  const device = (name: string) => (asked.get(name) ?? 'off') as DeviceState
  const sharing = Number(asked.get('sharing') ?? 0)
  const groups = Number(asked.get('groups') ?? 0)
  const participants = classOf(count).map((participant, index) => ({
    ...participant,
    role: index === 0 && role === 'guest' ? ('guest' as const) : participant.role,
    group: groups > 0 && (index > 0 || role === 'guest') ? index % groups : null,
    active: new Set([
      ...participant.active,
      ...(index > 0 && index <= sharing ? (['screen'] as const) : []),
      ...(index === 0 && device('camera') === 'on' ? (['camera'] as const) : []),
      ...(index === 0 && device('microphone') === 'on' ? (['microphone'] as const) : []),
    ]),
  }))
  return {
    ...INITIAL_MODEL.view,
    phase: phaseOf(),
    connection: (asked.get('connection') ?? 'connected') as Connection,
    selfId: participants[0]?.id ?? null,
    role,
    rules: { ...OPEN_RULES, video: !asked.has('voices'), open: { ...OPEN_RULES.open, locked: asked.has('locked'), guests } },
    rights: role === 'moderator' ? OPEN_RULES.open.guests : guests,
    moderatorsOnly: asked.has('private'),
    life: {
      ...(asked.has('busy') ? busyLife(participants) : INITIAL_MODEL.view.life),
      ...(asked.has('announced') ? { announcement: { key: 1, displayName: 'Mme Lefèvre', text: 'Encore cinq minutes, puis un porte-parole par groupe.' } } : {}),
      ...(asked.has('spotlight') ? { spotlight: participants[Number(asked.get('spotlight'))]?.id ?? null } : {}),
      ...(asked.has('help') ? { helpCalls: participants.slice(2, 4).map(({ id }) => id) } : {}),
    },
    recording: recordingOf(asked.get('recording'), participants[0]?.id ?? ''),
    waiting: Array.from({ length: Number(asked.get('waiting') ?? 0) }, (_, index) => ({
      id: `waiting-${index}` as ParticipantId,
      displayName: ['Sacha', 'Inès B.', 'Invité 4', 'Maël'][index % 4] ?? '',
    })),
    participants,
    microphone: device('microphone'),
    camera: device('camera'),
    screen: device('share'),
    saving: asked.has('saving'),
    notices: asked.getAll('problem').map((problem, key) => ({ key, problem: problem as Problem })),
  }
}

/** `asked`, `own` (by oneself), an answer, or why it ended. */
function recordingOf(state: string | null, self: string): Recording {
  if (state === null) return NO_RECORDING
  if (state === 'disk_full' || state === 'stopped') return { ...NO_RECORDING, receipt: '{}', ended: state }
  const chosen = state === 'asked' || state === 'own' ? 'none' : (state as OwnAnswer)
  const info: RecordingInfo = {
    recording: 'A'.repeat(22),
    terms: {
      purpose: 'absent_pupils',
      details: 'Cours sur le cycle de l’eau, pour Noé et Aminata',
      retentionDays: 30,
      audience: 'Les élèves de 5e B et leurs parents, sur demande à Mme Lefèvre',
    },
    askedBy: state === 'own' ? self : 'B'.repeat(22),
    askedByName: 'Mme Lefèvre',
    recipients: [
      { name: null, key: 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p' },
      { name: 'Archives du collège Jean-Moulin', key: 'age1p87ejgcse7a95kjcxe9yhfs3wrrnl9e3e2l09mmf9uvxuh9wh3rq7qg5kl' },
    ],
    recipientsSignature: null,
    startedAt: 1_800_000_000,
    textVersion: 1,
  }
  return { ...NO_RECORDING, info, vouched: true, chosen, settled: chosen, receipt: chosen === 'none' ? null : '{}', counts: { accepted: 3, refused: 1, unanswered: 2 } }
}

function phaseOf(): Phase {
  switch (screen) {
    case 'stage':
      return { name: 'in_call' }
    case 'waiting':
      return { name: 'waiting' }
    case 'joining':
      return { name: 'joining' }
    case 'left':
      return { name: 'left', reason: (asked.get('reason') ?? 'left') as 'left', note: asked.get('note') }
    case 'failed':
      return { name: 'failed', problem: (asked.get('problem') ?? 'join_refused') as Problem, retry: asked.has('retry') }
    default:
      return { name: 'prejoin' }
  }
}

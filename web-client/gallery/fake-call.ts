// A call without a server: shows any state of the room on one's own machine.

import { type ReadonlySignal, signal } from '@preact/signals'
import type { EncryptionState } from '../src/call/encryption-state'
import type { Background, Care, InputKind, Masking } from '../src/call/care'
import type { CallState, Participant, ParticipantId, Waiting } from '../src/call/state'
import type { Call, DeviceCheck } from '../src/call/store'
import type { Page } from '../src/page'
import type { TrackSource } from '../src/protocol/generated'
import { KNOWN } from '../src/protocol/samples'
import { fakeHost } from './fake-host'

/** The page of a room where this call goes on. */
export function pageOf(call: Call): Page {
  const encryption = call.encryption.value === null ? null : { open: false, raw: false, fingerprint: new Uint8Array(16), certificate: null }
  return { name: 'room', link: { role: call.host === null ? 'guest' : 'moderator', encryption }, call: signal(call) }
}

/** A call that stays in `state` but for what the buttons of one person change. */
export function fakeCall(state: CallState, encrypted = true, lock: string | null = null): Call {
  const now = signal(state)
  const deviceCheck = signal<DeviceCheck | null>(null)
  const pictures = new Map<string, ReadonlySignal<MediaStream | null>>()
  const patch = (change: Partial<CallState>) => {
    now.value = { ...now.value, ...change }
  }
  const ownSource = (source: TrackSource, on: boolean) => {
    patch({
      participants: now.value.participants.map((participant) => {
        if (!participant.isSelf) return participant
        const active = new Set(participant.active)
        if (on) active.add(source)
        else active.delete(source)
        return { ...participant, active }
      }),
    })
  }
  const picture = (name: string, draw: Draw) => {
    const known = pictures.get(name)
    if (known !== undefined) return known
    const made = signal<MediaStream | null>(paint(draw, pictures.size))
    pictures.set(name, made)
    return made
  }
  const ownPicture = signal<MediaStream | null>(state.camera === 'off' ? null : paint(person, 3))
  const care = fakeCare(ownPicture)
  return {
    state: now,
    guestLink: signal(`https://preau.college-exemple.fr/r/${'k'.repeat(22)}#v1.${'d'.repeat(22)}`),
    host: state.role === 'moderator' ? fakeHost() : null,
    encryption: signal<EncryptionState | null>(encrypted ? {
      progress: lock === 'joining' || lock === 'admission' || lock === 'broken' || lock === 'stopped' ? lock : 'ready',
      code: { words: ['cabane', 'tilleul', 'rivage'], digits: '482913' },
      members: new Set(state.participants.slice(lock === 'differs' ? 1 : 0).map(({ id }) => id)),
      differs: lock === 'differs',
    } : null),
    deviceCheck,
    care,
    speaking: signal(new Set(state.participants.filter((_, index) => index % 5 === 1).map(({ id }) => id))),
    soundBlocked: signal(new URLSearchParams(location.search).has('sound')),
    mediaStreamFor: (id, source) => picture(`${id}-${source}`, source === 'screen' ? page : person),
    setShownHeight: () => undefined,
    checkDevices: () => {
      deviceCheck.value = { opening: false, hasCamera: true, hasMicrophone: true }
      ownPicture.value = paint(person, 3)
    },
    endDeviceCheck: () => {
      deviceCheck.value = null
    },
    join: () => {
      patch({ phase: { name: 'in_call' } })
    },
    retry: () => {
      patch({ phase: { name: 'prejoin' } })
    },
    leave: () => {
      patch({ phase: { name: 'left', reason: 'left', note: null } })
    },
    rename: (displayName) => {
      patch({
        participants: now.value.participants.map((participant) =>
          participant.isSelf ? { ...participant, displayName } : participant,
        ),
      })
    },
    ask: (request) => {
      if (request.type === 'grant') {
        const { participant, source, granted } = request
        const nothing = { microphone: false, camera: false, screen: false, chat: false, rename: false }
        patch({
          participants: now.value.participants.map((one) =>
            one.id === participant ? { ...one, granted: { ...(one.granted ?? nothing), [source]: granted } } : one,
          ),
        })
      }
      const named = 'participant' in request ? [request.participant] : 'participants' in request ? request.participants : null
      const still = (waiting: Waiting) => named !== null && !named.includes(waiting.id)
      const { rules } = now.value
      if (request.type === 'set_rules' && rules !== null) patch({ rules: { ...rules, open: request.rules } })
      if (request.type === 'admit' || request.type === 'refuse_entry') patch({ waiting: now.value.waiting.filter(still) })
      return Promise.resolve(true)
    },
    holdOpinion: (ownOpinion) => {
      patch({ life: { ...now.value.life, ownOpinion } })
    },
    vote: (_, choice) => {
      const { life } = now.value
      if (life.poll !== null) patch({ life: { ...life, poll: { ...life.poll, hasVoted: true, choice } } })
    },
    setModeratorsOnly: (moderatorsOnly) => {
      patch({ moderatorsOnly })
    },
    putAway: (what) => {
      patch({ life: { ...now.value.life, [what]: null } })
    },
    putAwayHelp: (participant) => {
      patch({ life: { ...now.value.life, helpCalls: now.value.life.helpCalls.filter((id) => id !== participant) } })
    },
    whatIsKnown: () => Promise.resolve(KNOWN),
    setMicrophone: (on) => {
      patch({ microphone: on ? 'on' : 'off' })
      ownSource('microphone', on)
    },
    openCameraPreview: () => {
      patch({ camera: 'preview' })
      ownPicture.value = paint(person, 3)
    },
    confirmCamera: () => {
      patch({ camera: 'on' })
      ownSource('camera', true)
    },
    cancelCameraPreview: () => {
      patch({ camera: 'off' })
    },
    turnCameraOff: () => {
      patch({ camera: 'off' })
      ownSource('camera', false)
    },
    startScreen: () => {
      patch({ screen: 'on' })
      ownSource('screen', true)
    },
    stopScreen: () => {
      patch({ screen: 'off' })
      ownSource('screen', false)
    },
    heldBack: signal(new Set<string>()),
    unplayable: signal(new Set<string>()),
    setSaving: (saving) => {
      patch({ saving })
    },
    snapshot: () => Promise.resolve(null),
    answerRecording: (accepted) => {
      const answer = accepted ? ('accepted' as const) : ('refused' as const)
      patch({ recording: { ...now.value.recording, chosen: answer, settled: answer, receipt: '{}' } })
    },
    putAwayRecording: () => {
      patch({ recording: { ...now.value.recording, ended: null } })
    },
    dismissNotice: (key) => {
      patch({ notices: now.value.notices.filter((notice) => notice.key !== key) })
    },
  }
}

/** Two of each device; the address says what goes wrong: `masking=too_slow`, `unheard`. */
function fakeCare(picture: ReadonlySignal<MediaStream | null>): Care {
  const asked = new URLSearchParams(location.search)
  const background = signal<Background>((asked.get('background') ?? 'none') as Background)
  const chosen = signal<Readonly<Record<InputKind, string | null>>>({ microphone: '1', camera: '2' })
  const noiseSuppression = signal(true)
  const unheard = signal(asked.has('unheard'))
  const masking = signal((asked.get('masking') ?? 'off') as Masking)
  return {
    picture,
    level: signal(0.42),
    background,
    masking,
    inputs: signal({
      microphone: [
        { id: '1', label: 'Micro intégré' },
        { id: '2', label: 'Casque de la salle 204' },
      ],
      camera: [
        { id: '1', label: 'Webcam intégrée' },
        { id: '2', label: 'Visualiseur' },
      ],
    }),
    chosen,
    noiseSuppression,
    unheard,
    setBackground: (next) => {
      background.value = next
      masking.value = next === 'none' ? 'off' : 'on'
    },
    choose: (kind, id) => {
      chosen.value = { ...chosen.value, [kind]: id }
    },
    setNoiseSuppression: (on) => {
      noiseSuppression.value = on
    },
    dismissUnheard: () => {
      unheard.value = false
    },
  }
}

/** A class of `count`, oneself first. */
export function classOf(count: number): readonly Participant[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `P${index * 7919}kQ${index}` as ParticipantId,
    displayName: NAMES[index % NAMES.length] ?? '',
    role: index === 0 ? ('moderator' as const) : ('guest' as const),
    isSelf: index === 0,
    away: index === 6,
    group: null,
    handle: null,
    granted: null,
    quality: index === 3 ? 'fair' : index === 4 ? 'poor' : 'good',
    active: new Set<TrackSource>([
      ...(index % 3 === 1 ? (['camera'] as const) : []),
      ...(index % 5 === 1 ? (['microphone'] as const) : []),
    ]),
  }))
}

const NAMES = [
  'Mme Lefèvre',
  'Camille',
  'Invité 3',
  'Jean-Baptiste de La Tour du Pin',
  'Noé',
  'Aminata Diallo',
  'Zoé B.',
  'Élève du fond, près du radiateur !',
  'Yanis',
  'Invité 12',
  'Maëlle',
  'Tom',
]

type Draw = (context: CanvasRenderingContext2D, number: number) => void

/** Nothing where there is no canvas, as in tests. */
function paint(draw: Draw, number: number): MediaStream | null {
  const canvas = document.createElement('canvas')
  canvas.width = 960
  canvas.height = 540
  const context = canvas.getContext('2d')
  if (context === null) return null
  draw(context, number)
  setInterval(() => {
    draw(context, number)
  }, 500)
  return canvas.captureStream(4)
}

const person: Draw = (context, number) => {
  const walls = ['#c9d4dc', '#e4d5c3', '#5d6b66', '#f4f1ea', '#2c3540', '#d8c6c0']
  const skins = ['#8d5a3b', '#e8b894', '#c68a62', '#f0cdb0', '#5b3a26']
  const clothes = ['#3b5b8c', '#7a3b4c', '#44704f', '#c28a2c', '#333a44']
  const pick = (colours: readonly string[]) => colours[number % colours.length] ?? ''
  context.fillStyle = pick(walls)
  context.fillRect(0, 0, 960, 540)
  context.fillStyle = 'rgb(255 255 255 / 35%)'
  context.fillRect(90, 60, 190, 260)
  context.fillStyle = pick(clothes)
  context.beginPath()
  context.ellipse(480, 560, 250, 190, 0, 0, 7)
  context.fill()
  context.fillStyle = pick(skins)
  context.beginPath()
  context.ellipse(480, 270, 105, 135, 0, 0, 7)
  context.fill()
  context.fillStyle = '#2a1d16'
  context.beginPath()
  context.ellipse(480, 185, 115, 75, 0, 3.1, 6.4)
  context.fill()
}

const page: Draw = (context) => {
  context.fillStyle = '#fff'
  context.fillRect(0, 0, 960, 540)
  context.fillStyle = '#20304a'
  context.font = '600 40px sans-serif'
  context.fillText('Le cycle de l’eau', 60, 90)
  context.fillStyle = '#dfe7f2'
  for (let line = 0; line < 8; line += 1) context.fillRect(60, 140 + line * 44, 420 - (line % 3) * 60, 18)
  context.fillStyle = '#9cc4e8'
  context.fillRect(560, 140, 330, 330)
}

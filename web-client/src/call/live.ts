// A call that really happens: keeps the model, carries the reducer's effects out, and gives the
// screens their signals.

import { type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { Link } from '../link'
import { Connection, type Join, type Request, RequestError } from '../protocol/connection'
import { type Opinion, PROTOCOL_VERSION, type TrackSource } from '../protocol/generated'
import { type CallEvent, type CallModel, type Effect, INITIAL_MODEL, reduce } from './call'
import type { InputKind } from './care'
import { type Device, DeviceError, type OpenedDevice, openDevice, releaseDevice } from './devices'
import { OwnDevices } from './own-devices'
import { Pictures } from './pictures'
import type { HostTools } from './host'
import { Playback } from './playback'
import { forgetSession, recallSession, reloadForNewVersion, rememberSession } from './resume'
import { RoomLink } from './room-link'
import { unitsOf } from './slots'
import type { Absence, CallState, ParticipantId, Problem } from './state'
import type { Snapshot } from './diagnostics'
import { type Call, type DeviceCheck, pictureKey, type PictureSource } from './store'
import { openPreview, type Preview } from './preview'
import { MediaTransport } from './transport'

/** See `Call`; made by `openCall`. */
export class LiveCall implements Call {
  readonly state: Signal<CallState>
  readonly deviceCheck = signal<DeviceCheck | null>(null)
  readonly speaking = signal<ReadonlySet<ParticipantId>>(new Set())
  readonly heldBack = signal<ReadonlySet<string>>(new Set())
  readonly unplayable = signal<ReadonlySet<string>>(new Set())
  readonly soundBlocked = signal(false)

  readonly care = new OwnDevices({
    handlePicture: () => {
      if (this.model.view.camera === 'on') this.sendDevice('camera')
      this.pictures.refresh()
    },
    handleWish: (kind) => {
      void this.reopen(kind)
    },
  })

  private model: CallModel = INITIAL_MODEL
  private readonly events: CallEvent[] = []
  private draining = false

  private token: string | null = null
  private connection: Connection | null = null
  private readonly opened = new Map<Device, OpenedDevice>()
  /** Counts openings and releases, so that a device that opens too late is known. */
  private readonly turn = new Map<Device, number>()
  private preview: Preview | null = null
  private readonly heights = new Map<string, number>()
  private wantTimer: ReturnType<typeof setTimeout> | undefined
  private entered = false
  /** How often the room was entered again after the first time. */
  private returns = 0

  private readonly transport = new MediaTransport({
    request: (request) =>
      this.connection?.request(request) ?? Promise.reject(new RequestError('lost')),
    isSignalingUp: () => this.model.signaling === 'up',
    hasPictures: () => this.model.view.rules?.video !== false,
    handleConnecting: () => {
      this.dispatch({ type: 'media_connecting' })
    },
    handleDoubt: () => {
      this.connection?.check()
    },
    handleConnected: () => {
      this.dispatch({ type: 'media_connected' })
    },
    handleBlocked: () => {
      this.dispatch({ type: 'media_blocked' })
    },
    handleMedia: () => {
      this.playback.play(this.transport.receiver?.soundTracks() ?? [])
      this.pictures.refresh()
      this.noteAbsent(this.heldBack, 'paused')
      this.noteAbsent(this.unplayable, 'unplayable')
    },
  })
  private readonly playback = new Playback((blocked) => {
    this.soundBlocked.value = blocked
  })
  private readonly pictures = new Pictures({
    view: () => this.model.view,
    own: (source) => this.ownStream(source) ?? null,
    received: (participant, source) => this.transport.receiver?.pictureOf(participant, source) ?? null,
  })

  private readonly link: RoomLink

  constructor(link: Link) {
    this.state = signal(this.model.view)
    this.link = new RoomLink(link, this.state, (request) => this.ask(request))
    const remembered = recallSession(link.room, Date.now())
    this.token = remembered?.token ?? null
    if (remembered?.saving === true) this.dispatch({ type: 'set_saving', saving: true })
    // Later events come too late: a reload reads the state as it was before them. Where this one
    // is missing (phones), coming back takes one click on "join".
    addEventListener('beforeunload', () => {
      if (this.token !== null) this.remember(this.token, Date.now())
    })
    // A page brought back from the browser's memory has lost its connections: start afresh.
    addEventListener('pageshow', (event) => {
      if (event.persisted) location.reload()
    })
    addEventListener('online', () => {
      this.transport.networkChanged()
    })
    if (remembered?.fresh === true) this.dispatch({ type: 'join', name: '' })
  }

  /** Shows why this page cannot join at all. */
  refuse(problem: Problem): void {
    this.dispatch({ type: 'cannot_join', problem })
  }

  /** Says where links lead that other devices can reach. */
  setOrigin(origin: string): void {
    this.link.origin.value = origin
  }

  get guestLink(): ReadonlySignal<string | null> {
    return this.link.guest
  }

  get host(): HostTools | null {
    return this.link.host.value
  }

  mediaStreamFor(participant: ParticipantId, source: PictureSource): ReadonlySignal<MediaStream | null> {
    return this.pictures.of(participant, source)
  }

  setShownHeight(participant: ParticipantId, source: PictureSource, height: number | null): void {
    const key = pictureKey(participant, source)
    const rounded = height === null ? 0 : Math.ceil(height / HEIGHT_STEP) * HEIGHT_STEP
    const before = this.heights.get(key)
    if (before === rounded) return
    this.heights.set(key, rounded)
    // What comes into sight is asked for at once, with what comes along; other changes wait until
    // the window or the list stands still.
    const soon = before === undefined || before === 0
    if (this.wantTimer !== undefined && !soon) return
    clearTimeout(this.wantTimer)
    this.wantTimer = setTimeout(
      () => {
        this.want()
      },
      soon ? WANT_SOON_MS : WANT_LATER_MS,
    )
  }

  checkDevices(): void {
    const { name } = this.model.view.phase
    if (this.preview !== null || (name !== 'prejoin' && name !== 'waiting')) return
    this.preview = openPreview(this.deviceCheck, this.care, (problem) => {
      this.dispatch({ type: 'check_failed', problem })
    })
  }

  endDeviceCheck(): void {
    this.preview?.end()
    this.preview = null
  }

  join(name: string): void {
    this.dispatch({ type: 'join', name })
  }

  retry(): void {
    this.dispatch({ type: 'retry' })
  }

  leave(): void {
    this.dispatch({ type: 'leave' })
  }

  rename(name: string): void {
    this.dispatch({ type: 'rename', name })
  }

  setMicrophone(on: boolean): void {
    this.dispatch({ type: on ? 'open_device' : 'close_device', device: 'microphone' })
  }

  openCameraPreview(): void {
    this.dispatch({ type: 'open_device', device: 'camera' })
  }

  confirmCamera(): void {
    this.dispatch({ type: 'confirm_camera' })
  }

  cancelCameraPreview(): void {
    if (this.model.view.camera !== 'on') this.turnCameraOff()
  }

  turnCameraOff(): void {
    this.dispatch({ type: 'close_device', device: 'camera' })
  }

  startScreen(): void {
    this.dispatch({ type: 'open_device', device: 'screen' })
  }

  stopScreen(): void {
    this.dispatch({ type: 'close_device', device: 'screen' })
  }

  setSaving(saving: boolean): void {
    this.dispatch({ type: 'set_saving', saving })
  }

  async snapshot(): Promise<Snapshot | null> {
    const connection = this.connection
    const media = await this.transport.snapshot()
    return media === null || connection === null ? null : { ...media, signalingRoundTrip: connection.roundTrip, returns: this.returns }
  }

  async ask(request: Request): Promise<boolean> {
    // Whoever is sent out is gone when it is done.
    const out = request.type === 'eject' ? this.model.view.participants.find(({ id }) => id === request.participant) : undefined
    const handle = out?.handle ?? null
    try {
      await (this.connection?.request(request) ?? Promise.reject(new RequestError('lost')))
      if (handle !== null) this.link.host.value?.ended(handle)
      return true
    } catch (error) {
      const code = error instanceof RequestError ? error.code : 'lost'
      this.dispatch({ type: 'request_refused', problem: code === 'lost' ? 'server_unreachable' : code })
      return false
    }
  }

  holdOpinion(opinion: Opinion | null): void {
    const before = this.model.view.life.ownOpinion
    this.dispatch({ type: 'hold_opinion', opinion })
    void this.ask({ type: 'set_opinion', opinion }).then((counted) => {
      if (!counted && this.model.view.life.ownOpinion === opinion) this.dispatch({ type: 'hold_opinion', opinion: before })
    })
  }

  vote(poll: number, choice: number): void {
    this.dispatch({ type: 'voted', poll, choice })
    void this.ask({ type: 'vote', poll, choice }).then((counted) => {
      if (!counted) this.dispatch({ type: 'voted', poll, choice: null })
    })
  }

  setModeratorsOnly(moderatorsOnly: boolean): void {
    this.dispatch({ type: 'set_moderators_only', moderatorsOnly })
  }

  putAway(what: 'announcement' | 'result'): void {
    this.dispatch({ type: 'put_away', what })
  }

  putAwayHelp(participant: ParticipantId): void {
    this.dispatch({ type: 'put_away_help', participant })
  }

  dismissNotice(key: number): void {
    this.dispatch({ type: 'dismiss_notice', key })
  }

  /** One event after the other, each with its effects, also when an effect brings an event. */
  private dispatch(event: CallEvent): void {
    this.events.push(event)
    if (this.draining) return
    this.draining = true
    try {
      for (let next = this.events.shift(); next !== undefined; next = this.events.shift()) this.step(next)
    } finally {
      this.draining = false
    }
  }

  private step(event: CallEvent): void {
    const before = this.model.view
    const { model, effects } = reduce(this.model, event)
    this.model = model
    for (const effect of effects) this.carryOut(effect)
    if (model.view.participants !== before.participants || model.view.saving !== before.saving) this.want()
    this.state.value = model.view
    this.speaking.value = model.speakers
    this.pictures.refresh()
  }

  private carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'open_signaling':
        this.endDeviceCheck()
        void this.openSignaling()
        return
      case 'close_signaling':
        this.connection?.close(effect.how)
        this.connection = null
        return
      case 'remember_session':
        this.token = effect.token
        this.remember(effect.token, null)
        return
      case 'forget_session':
        this.token = null
        forgetSession()
        return
      case 'start_media':
        this.endDeviceCheck()
        if (this.entered) this.returns += 1
        this.entered = true
        if (effect.resumed) this.transport.resume()
        else this.transport.start()
        return
      case 'stop_media':
        this.transport.close()
        return
      case 'open_device':
        void this.openDevice(effect.device)
        return
      case 'send_device':
        this.sendDevice(effect.device)
        return
      case 'release_device':
        this.releaseDevice(effect.device)
        return
      case 'release_everything':
        this.endDeviceCheck()
        for (const device of ['microphone', 'camera', 'screen'] as const) this.releaseDevice(device)
        return
      case 'request_rename':
        void this.ask({ type: 'rename', displayName: effect.name })
        return
      case 'request_reception':
        if (this.token !== null) this.remember(this.token, null)
        this.requestReception(effect.saving)
        return
      case 'request_audience':
        void this.requestAudience(effect.moderatorsOnly)
        return
      case 'want_layers':
        this.transport.wantLayers(effect.source, effect.rids)
        return
      case 'mark_slots':
        this.transport.mark(effect.why, effect.mids)
        return
      case 'offer_again':
        this.transport.offerAgain()
        return
      case 'reload_page':
        reloadForNewVersion()
    }
  }

  private async openSignaling(): Promise<void> {
    await this.link.prove()
    // Left, or opened twice, while the proof was made.
    if (this.model.view.phase.name !== 'joining' || this.connection !== null) return
    this.connection = new Connection(`${location.origin.replace(/^http/, 'ws')}/api/session`, {
      join: () => this.joinMessage(),
      handleMessage: (message) => {
        this.link.hear(message)
        this.dispatch({ type: 'server', message, at: performance.now() })
      },
      handleLost: (attempts) => {
        this.dispatch({ type: 'signaling_lost', attempts })
      },
    })
    this.connection.open()
  }

  private joinMessage(): Join {
    const name = this.model.wantedName.trim()
    return {
      type: 'join',
      protocolVersion: PROTOCOL_VERSION,
      ...this.link.join,
      resume: this.token,
      displayName: name === '' ? null : name,
      language: document.documentElement.lang.startsWith('en') ? 'en' : 'fr',
    }
  }

  private async openDevice(device: Device): Promise<void> {
    const turn = this.nextTurn(device)
    try {
      const opened = await openDevice(device, this.care.wishes)
      if (this.keep(opened, turn)) this.dispatch({ type: 'device_opened', device })
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error
      if (this.turn.get(device) === turn) {
        this.dispatch({ type: 'device_failed', device, problem: error.problem })
      }
    }
  }

  /** Opens a device anew as it is wished now, if it is open: what was sent goes on with the new one. */
  private async reopen(device: InputKind): Promise<void> {
    if (this.preview !== null) {
      this.endDeviceCheck()
      this.checkDevices()
    }
    const before = this.opened.get(device)
    if (before === undefined) return
    const turn = this.nextTurn(device)
    // First: many phones open one camera at a time.
    this.care.detach(device)
    releaseDevice(before)
    try {
      const opened = await openDevice(device, this.care.wishes)
      if (!this.keep(opened, turn)) return
      if (this.model.view[device] === 'on') this.sendDevice(device)
      this.pictures.refresh()
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error
      if (this.turn.get(device) !== turn) return
      this.dispatch({ type: 'check_failed', problem: error.problem })
      this.dispatch({ type: 'close_device', device })
    }
  }

  /** Takes what was opened; false when it is not wanted any more. */
  private keep(opened: OpenedDevice, turn: number): boolean {
    const { device, stream } = opened
    if (this.turn.get(device) !== turn) {
      releaseDevice(opened)
      return false
    }
    this.opened.set(device, opened)
    if (device !== 'screen') this.care.attach(stream)
    for (const track of stream.getTracks()) {
      track.addEventListener('ended', () => {
        // The sound of a shared screen may end alone; the picture goes on.
        const whole = device === 'microphone' || track.kind === 'video'
        if (whole && this.turn.get(device) === turn) this.dispatch({ type: 'device_ended', device })
      })
    }
    return true
  }

  /** What is seen and sent of an open device: of the camera, never what must stay hidden. */
  private ownStream(device: Device): MediaStream | undefined {
    if (!this.opened.has(device)) return undefined
    return device === 'camera' ? (this.care.picture.value ?? undefined) : this.opened.get(device)?.stream
  }

  private sendDevice(device: Device): void {
    const stream = this.ownStream(device)
    if (stream === undefined) return
    for (const [source, track] of tracksToSend(device, stream)) this.transport.send(source, track)
  }

  private releaseDevice(device: Device): void {
    this.nextTurn(device)
    const opened = this.opened.get(device)
    if (opened === undefined) return
    this.opened.delete(device)
    for (const [source] of tracksToSend(device, opened.stream)) this.transport.send(source, null)
    if (device !== 'screen') this.care.detach(device)
    releaseDevice(opened)
  }

  private nextTurn(device: Device): number {
    const turn = (this.turn.get(device) ?? 0) + 1
    this.turn.set(device, turn)
    return turn
  }

  private async requestAudience(moderatorsOnly: boolean): Promise<void> {
    if (await this.ask({ type: 'set_audience', moderatorsOnly })) return
    this.dispatch({ type: 'audience_refused', moderatorsOnly })
  }

  private requestReception(saving: boolean): void {
    // Lost with the socket: said again at the next `joined`.
    this.connection?.request({ type: 'set_reception', saving }).catch((error: unknown) => {
      const code = error instanceof RequestError ? error.code : 'lost'
      if (code !== 'lost') this.dispatch({ type: 'request_refused', problem: code })
    })
  }

  private remember(token: string, leftAt: number | null): void {
    rememberSession(this.link.room, token, leftAt, this.model.view.saving)
  }

  private noteAbsent(pictures: Signal<ReadonlySet<string>>, why: Absence): void {
    const now = this.transport.receiver?.absent(why).map(({ participant, source }) => pictureKey(participant, source)) ?? []
    const before = pictures.value
    if (now.length !== before.size || now.some((key) => !before.has(key))) pictures.value = new Set(now)
  }

  private want(): void {
    clearTimeout(this.wantTimer)
    this.wantTimer = undefined
    const { participants, saving } = this.model.view
    const { on, quiet } = unitsOf(participants)
    // A camera is asked for once it is known to be on: one for the moderators' eyes alone is
    // refused to others, together with all else that was asked in the same breath.
    const cameras = new Set(participants.filter(({ active }) => active.has('camera')).map(({ id }) => id))
    this.transport.want({
      on,
      quiet,
      shownHeight: (participant, source) =>
        source === 'camera' && (saving || !cameras.has(participant))
          ? 0
          : (this.heights.get(pictureKey(participant, source)) ?? 0),
    })
  }
}

function tracksToSend(device: Device, stream: MediaStream): [TrackSource, MediaStreamTrack][] {
  if (device !== 'screen') return stream.getTracks().map((track) => [device, track])
  return stream.getTracks().map((track) => [track.kind === 'video' ? 'screen' : 'screen_audio', track])
}

/** Lower: several questions while the tiles of one layout are measured one by one. */
const WANT_SOON_MS = 30
/** Lower: more questions while a window is resized. Higher: too large or too small for longer. */
const WANT_LATER_MS = 300
/** Heights are told in steps, so that a window being resized asks for little. */
const HEIGHT_STEP = 90

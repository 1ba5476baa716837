// A call that really happens: keeps the model, carries the reducer's effects out, and gives the
// screens their signals.

import { type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { Link } from '../link'
import { type Answer, Connection, type Join, type Request, RequestError } from '../protocol/connection'
import { type Known, type Opinion, PROTOCOL_VERSION, type ServerMessage, type TrackSource } from '../protocol/generated'
import { Answering } from './answering'
import { reduce } from './call'
import type { InputKind } from './care'
import { Encryption } from './encryption'
import type { EncryptionState } from './encryption-state'
import type { FrameMode } from './codecs'
import { type Device, DeviceError, type OpenedDevice, openDevice, releaseDevice } from './devices'
import { type CallEvent, type CallModel, type Effect, INITIAL_MODEL } from './model'
import { OwnDevices } from './own-devices'
import { Pictures } from './pictures'
import type { HostTools } from './host'
import { Playback } from './playback'
import { isHeldBack } from './recording'
import { forgetSession, type KeptEncrypted, recallSession, reloadForNewVersion, rememberSession } from './resume'
import { RoomLink } from './room-link'
import type { Absence, CallState, ParticipantId, Problem } from './state'
import type { Snapshot } from './diagnostics'
import { type Call, type DeviceCheck, pictureKey, type PictureSource } from './store'
import { openPreview, type Preview } from './preview'
import { MediaTransport } from './transport'
import { Wanting } from './wanting'

/** See `Call`; made by `openCall`. */
export class LiveCall implements Call {
  readonly state: Signal<CallState>
  readonly deviceCheck = signal<DeviceCheck | null>(null)
  readonly speaking = signal<ReadonlySet<ParticipantId>>(new Set())
  readonly heldBack = signal<ReadonlySet<string>>(new Set())
  readonly unplayable = signal<ReadonlySet<string>>(new Set())
  readonly soundBlocked = signal(false)
  readonly encryption: ReadonlySignal<EncryptionState | null>
  private readonly encrypted: Encryption | null

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
  private entered = false
  /** How often the room was entered again after the first time. */
  private returns = 0

  private readonly transport = new MediaTransport({
    request: (request) => this.request(request),
    isSignalingUp: () => this.model.signaling === 'up',
    hasPictures: () => this.model.view.rules?.video !== false,
    frameMode: () => this.frameMode,
    frames: () => this.encrypted?.frames ?? null,
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
  private readonly answering = new Answering({
    model: () => this.model,
    request: (request) => this.request(request),
    dispatch: (event) => {
      this.dispatch(event)
    },
    keys: () => this.encrypted,
  })
  private readonly playback = new Playback((blocked) => {
    this.soundBlocked.value = blocked
  })
  private readonly pictures = new Pictures({
    view: () => this.model.view,
    own: (source) => this.ownStream(source) ?? null,
    received: (participant, source) => this.transport.receiver?.pictureOf(participant, source) ?? null,
  })

  private readonly wanting = new Wanting(
    () => this.model.view,
    (wanted) => {
      this.transport.want(wanted)
    },
  )

  private readonly link: RoomLink
  private readonly frameMode: FrameMode

  constructor(link: Link) {
    this.state = signal(this.model.view)
    const remembered = recallSession(link.room, Date.now())
    this.link = new RoomLink(link, this.state, (request) => this.refusalOf(request), remembered?.encrypted?.proofs ?? null)
    this.frameMode = link.encryption === null ? 'clear' : link.encryption.raw ? 'raw' : 'plain'
    this.encrypted = link.encryption === null ? null : this.encrypt(link, remembered?.encrypted ?? null)
    this.encryption = this.encrypted?.view ?? signal(null)
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

  private encrypt(link: Link, kept: KeptEncrypted | null): Encryption {
    return new Encryption(link, kept?.identity ?? null, kept?.name ?? null, {
      request: (request) => this.request(request),
      tell: (message) => {
        this.dispatch({ type: 'server', message, at: performance.now() })
      },
      handleProblem: (problem) => {
        this.dispatch({ type: 'request_refused', problem })
      },
      handleFault: (problem) => {
        this.dispatch({ type: 'cannot_stay', problem })
      },
      handleLink: (replaced) => {
        this.link.replace(replaced)
      },
      handleKept: () => {
        if (this.token !== null) this.remember(this.token, null)
      },
      handleRecipients: (info, vouched) => {
        this.dispatch({ type: 'recipients_checked', info, vouched })
      },
    })
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
    this.wanting.setShownHeight(participant, source, height)
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
    const frames = (await this.encrypted?.frames?.counters()) ?? null
    return media === null || connection === null ? null : { ...media, signalingRoundTrip: connection.roundTrip, returns: this.returns, frames }
  }

  async whatIsKnown(): Promise<Known | null> {
    const answer = await this.connection?.request({ type: 'what_is_known' }).catch(() => null)
    return answer?.type === 'known' ? answer.known : null
  }

  async ask(request: Request): Promise<boolean> {
    return (await this.refusalOf(request)) === null
  }

  /** Asks the server itself. */
  request(request: Request): Promise<Answer> {
    return this.connection?.request(request) ?? Promise.reject(new RequestError('lost'))
  }

  private async refusalOf(request: Request): Promise<Problem | null> {
    // Whoever is sent out is gone when it is done.
    const out = request.type === 'eject' ? this.model.view.participants.find(({ id }) => id === request.participant) : undefined
    const handle = out?.handle ?? null
    try {
      await (this.encrypted ?? this).request(request)
      if (handle !== null) this.link.host.value?.ended(handle)
      return null
    } catch (error) {
      const code = error instanceof RequestError ? error.code : 'lost'
      const problem = code === 'lost' ? 'server_unreachable' : code
      this.dispatch({ type: 'request_refused', problem })
      return problem
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

  answerRecording(accepted: boolean): void {
    this.dispatch({ type: 'answer_recording', accepted })
  }

  putAwayRecording(): void {
    this.dispatch({ type: 'put_away_recording' })
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
    this.encrypted?.showCameraTo(model.view.moderatorsOnly)
    this.transport.hold(isHeldBack(model.view.recording))
    for (const effect of effects) this.carryOut(effect)
    if (model.view.participants !== before.participants || model.view.saving !== before.saving) this.wanting.want()
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
        this.encrypted?.close()
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
      case 'answer_recording':
        // A line that does not live is noticed at once: nothing is sent until the no is heard.
        if (isHeldBack(this.model.view.recording)) this.connection?.check()
        void this.answering.send(effect.answer)
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
    try {
      await this.link.prove()
      await this.encrypted?.prepare(this.model.hasEntered ? null : this.model.wantedName)
    } catch {
      // What encrypts could not be fetched.
      this.dispatch({ type: 'signaling_lost', attempts: Number.POSITIVE_INFINITY })
      return
    }
    // Left, or opened twice, while the proof was made.
    if (this.model.view.phase.name !== 'joining' || this.connection !== null) return
    this.connection = new Connection(`${location.origin.replace(/^http/, 'ws')}/api/session`, {
      join: () => this.joinMessage(),
      handleMessage: (message) => {
        if (this.isOfOldLink(message)) return
        this.link.hear(message)
        if (this.encrypted === null) this.dispatch({ type: 'server', message, at: performance.now() })
        else this.encrypted.hear(message)
      },
      handleLost: (attempts) => {
        this.dispatch({ type: 'signaling_lost', attempts })
      },
    })
    this.connection.open()
  }

  /** The session of a link that was replaced is over: the one in the address may still be good. */
  private isOfOldLink(message: ServerMessage): boolean {
    const isEnd = message.type === 'error' && message.fatal && (message.code === 'link_ended' || message.code === 'join_refused')
    if (!isEnd || !this.link.forgetOld()) return false
    this.connection?.close('silent')
    this.connection = null
    this.token = null
    void this.openSignaling()
    return true
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
      memberKey: null,
      sealedName: null,
      ...this.encrypted?.join,
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
    const encrypted = this.encrypted === null ? null : { ...this.encrypted.kept, proofs: this.link.kept }
    rememberSession(this.link.room, token, leftAt, this.model.view.saving, encrypted)
  }

  private noteAbsent(pictures: Signal<ReadonlySet<string>>, why: Absence): void {
    const now = this.transport.receiver?.absent(why).map(({ participant, source }) => pictureKey(participant, source)) ?? []
    const before = pictures.value
    if (now.length !== before.size || now.some((key) => !before.has(key))) pictures.value = new Set(now)
  }
}

function tracksToSend(device: Device, stream: MediaStream): [TrackSource, MediaStreamTrack][] {
  if (device !== 'screen') return stream.getTracks().map((track) => [device, track])
  return stream.getTracks().map((track) => [track.kind === 'video' ? 'screen' : 'screen_audio', track])
}

// The one peer connection: this page always offers, the server always answers. Watches over its
// path and makes it anew when it is lost.

import { RequestError, type Answer, type Request } from '../protocol/connection'
import type { RelayAccess, TrackSource } from '../protocol/generated'
import type { FrameDoor } from '../e2ee/session-types'
import { affordsVp9, ENCODER_LOOK_MS, EncoderWatch } from './camera-codec'
import type { FrameMode } from './codecs'
import type { Snapshot } from './diagnostics'
import { LOOK_EVERY_MS, PathWatch } from './path-watch'
import { Receiver, type Wanted } from './receiving'
import { relayServers } from './relay'
import { codecsBySection, compactOffer, packRaw, preferLatest } from './sdp'
import { Sender } from './sending'
import type { Absence } from './state'
import { type Entry, selectedPath } from './stats'

/** What a transport needs, and tells. */
export interface TransportEvents {
  /** Asks the server; rejects with `RequestError`. */
  request(request: Request): Promise<Answer>
  /** Does the server hear this page now? Without it no path can be looked for. */
  isSignalingUp(): boolean
  /** False in a room of voices, where no section for pictures is ever offered. */
  hasPictures(): boolean
  /** What happens to frames. */
  frameMode(): FrameMode
  /** What encrypts and decrypts them; `null` in a room without encryption. */
  frames(): FrameDoor | null
  handleConnecting(): void
  /** The path may be lost, and the line to the server with it: make sure of that line now. */
  handleDoubt(): void
  handleConnected(): void
  /** No path for media for a long while, although the server answers. It keeps trying. */
  handleBlocked(): void
  /** Sound tracks or pictures have changed. */
  handleMedia(): void
}

/** Media of this page, across every connection it takes. */
export class MediaTransport {
  private link: Link | null = null
  private wanted: Wanted | null = null
  private watch: ReturnType<typeof setTimeout> | undefined
  private looking: ReturnType<typeof setInterval> | undefined
  private changingUntil = 0
  private choosing: Promise<void> | null = null
  private encoderLook: ReturnType<typeof setInterval> | undefined
  private readonly sender = new Sender(
    (request) => this.events.request(request),
    () => {
      void this.negotiate()
    },
    () => this.events.frameMode(),
  )

  constructor(private readonly events: TransportEvents) {}

  /** What arrives, through the connection of now. */
  get receiver(): Receiver | null {
    return this.link?.receiver ?? null
  }

  /** Makes the connection, in place of an earlier one. */
  start(): void {
    this.discard()
    const frames = this.events.frames()
    // Whatever went wrong before: in an encrypted room nothing leaves this page, or is played, in clear.
    if (frames === null && this.events.frameMode() !== 'clear') throw new TypeError('no keys yet')
    const pc = new RTCPeerConnection(CONFIGURATION)
    const pictures = this.events.hasPictures()
    const receiver = new Receiver(
      pc,
      pictures,
      (request) => this.events.request(request),
      () => {
        void this.negotiate()
      },
      () => {
        this.events.handleMedia()
      },
      this.events.frameMode(),
      frames,
    )
    const link: Link = {
      pc,
      receiver,
      offering: false,
      offerWanted: false,
      restartWanted: false,
      unanswered: null,
      restarts: 0,
      downFor: 0,
      relay: null,
      isRelayed: false,
    }
    this.link = link
    pc.addEventListener('connectionstatechange', () => {
      if (this.link === link) this.pathChanged(link)
    })
    this.lookAfter(link)
    this.sender.attach(pc, pictures, frames)
    if (pictures && this.events.frameMode() === 'plain') this.choosing ??= this.chooseCodec()
    if (this.wanted !== null) receiver.want(this.wanted)
    this.events.handleMedia()
    this.pathChanged(link)
  }

  /** Signaling is back and the server kept this connection: say again what it should know. */
  resume(): void {
    const { link } = this
    this.sender.retell()
    if (link === null || link.pc.connectionState === 'failed') {
      this.start()
      return
    }
    link.receiver.resync()
    // What cut the line may have been a change of network, of which the browser tells late or
    // never. Where the path is as before, another look for one disturbs nothing.
    this.restartIce(link)
  }

  /** Wants this received from now on. */
  want(wanted: Wanted): void {
    this.flowChanges()
    this.wanted = wanted
    this.link?.receiver.want(wanted)
  }

  /** Sends `track` as `source`, or nothing any more. */
  send(source: TrackSource, track: MediaStreamTrack | null): void {
    this.flowChanges()
    this.sender.set(source, track)
  }

  /** Sends nothing while `held`; see `Sender`. */
  hold(held: boolean): void {
    if (this.sender.hold(held)) this.flowChanges()
  }

  /** These picture slots, and no others, get nothing for this reason. */
  mark(why: Absence, mids: readonly string[]): void {
    this.flowChanges()
    this.link?.receiver.mark(why, mids)
  }

  /** Sends only these layers of a picture; see `Sender`. */
  wantLayers(source: TrackSource, rids: readonly string[]): void {
    this.flowChanges()
    this.sender.wantLayers(source, rids)
  }

  /** The server would answer differently now: asks again. */
  offerAgain(): void {
    void this.negotiate()
  }

  /** The network of this machine changed: look for a path at once. */
  networkChanged(): void {
    this.events.handleDoubt()
    if (this.link !== null) this.restartIce(this.link)
  }

  /** What the browser counts, and what each section carries; `null` without a connection. */
  async snapshot(): Promise<Omit<Snapshot, 'signalingRoundTrip' | 'returns' | 'frames'> | null> {
    const { link } = this
    if (link === null) return null
    const report = (await link.pc.getStats()) as ReadonlyMap<string, Entry>
    return { at: performance.now(), entries: [...report.values()], carried: link.receiver.carried(), sent: this.sender.published() }
  }

  /** Ends for good. */
  close(): void {
    this.discard()
    clearInterval(this.encoderLook)
    this.choosing = null
    this.wanted = null
    this.events.handleMedia()
  }

  private discard(): void {
    clearTimeout(this.watch)
    clearInterval(this.looking)
    const { link } = this
    this.link = null
    this.sender.detach()
    link?.pc.close()
    this.events.frames()?.detachAll()
  }

  /** One offer at a time; what is wanted meanwhile goes into the next. */
  private async negotiate(): Promise<void> {
    const { link } = this
    if (link === null) return
    link.offerWanted = true
    if (link.offering) return
    link.offering = true
    // Let everything that is added in one go into one offer.
    await Promise.resolve()
    try {
      while (link.offerWanted && this.link === link) {
        link.offerWanted = false
        await this.exchange(link)
      }
    } catch (error) {
      link.offerWanted = true
      // Lost with the socket: `resume` or `start` follows when signaling is back.
      if (!(error instanceof RequestError && error.code === 'lost')) this.offerLater(link)
    } finally {
      link.offering = false
    }
  }

  private async exchange(link: Link): Promise<void> {
    const { pc } = link
    const sdp = lostRestart(link) ?? (await this.makeOffer(link))
    const answer = await this.events.request({
      type: 'offer',
      sdp: compactOffer(sdp),
      publish: this.sender.published(),
    })
    if (answer.type !== 'answer' || this.link !== link) return
    link.unanswered = null
    link.relay = answer.relay
    this.tellCodecs(pc, answer.sdp)
    await pc.setRemoteDescription({ type: 'answer', sdp: preferLatest(answer.sdp, link.restarts) })
    this.sender.sync()
    this.sender.handleAnswer(answer.sdp)
    await link.receiver.sync()
    this.events.handleMedia()
  }

  private async makeOffer(link: Link): Promise<string> {
    const { pc } = link
    const isRestart = link.restartWanted
    // With the latest credential: each ends some day.
    if (isRestart && link.isRelayed) pc.setConfiguration({ ...CONFIGURATION, iceServers: relayServers(link.relay, location) })
    const offer = await pc.createOffer({ iceRestart: isRestart })
    if (isRestart) link.restarts += 1
    link.restartWanted = false
    const sdp = this.events.frameMode() === 'raw' ? packRaw(offer.sdp ?? '') : (offer.sdp ?? '')
    await pc.setLocalDescription({ type: 'offer', sdp })
    link.unanswered = isRestart ? { at: performance.now() } : null
    return sdp
  }

  /** The camera of an encrypted room in the better codec, for as long as this machine keeps up. */
  private async chooseCodec(): Promise<void> {
    if (!(await affordsVp9(navigator.mediaCapabilities))) return
    this.sender.useVp9(true)
    const watch = new EncoderWatch()
    clearInterval(this.encoderLook)
    this.encoderLook = setInterval(() => {
      void this.sender.cameraReport().then((report) => {
        if (!watch.look(report ?? [])) return
        clearInterval(this.encoderLook)
        this.sender.useVp9(false)
      })
    }, ENCODER_LOOK_MS)
  }

  /** Some browsers do not say of a frame which codec it is of. */
  private tellCodecs(pc: RTCPeerConnection, answer: string): void {
    const frames = this.events.frames()
    if (frames === null) return
    const codecs = codecsBySection(answer)
    for (const { mid, direction, sender, receiver } of pc.getTransceivers()) {
      const known = codecs.get(mid ?? '')
      if (known !== undefined) frames.setCodecs(direction === 'sendonly' ? sender : receiver, known)
    }
  }

  private offerLater(link: Link): void {
    setTimeout(() => {
      if (this.link === link) void this.negotiate()
    }, OFFER_AGAIN_MS)
  }

  private pathChanged(link: Link): void {
    const state = link.pc.connectionState
    clearTimeout(this.watch)
    if (state === 'connected') {
      link.downFor = 0
      this.events.handleConnected()
      return
    }
    if (state === 'closed') return
    // "disconnected" is often a blip of half a second: nothing is said yet.
    if (state !== 'disconnected') this.events.handleConnecting()
    if (state === 'failed') this.takeRelay(link)
    if (state === 'failed' || state === 'disconnected') this.networkChanged()
    this.watchOver(link)
  }

  /** Counts the time without a path: first another look for one, then a new connection. */
  private watchOver(link: Link): void {
    this.watch = setTimeout(() => {
      if (this.events.isSignalingUp()) link.downFor += WATCH_MS
      if (link.downFor >= GIVE_UP_MS) {
        this.events.handleBlocked()
        this.start()
        return
      }
      const wasConnected = link.pc.connectionState === 'disconnected'
      const isLost = wasConnected && link.downFor === RESTART_AFTER_MS
      if (isLost) this.events.handleConnecting()
      const isLate = link.downFor >= (wasConnected ? RESTART_AFTER_MS : RELAY_AFTER_MS)
      if ((isLate && this.takeRelay(link)) || isLost) this.restartIce(link)
      this.watchOver(link)
    }, WATCH_MS)
  }

  /** From now on paths are looked for by the relay too, if there is one and it was not so already. */
  private takeRelay(link: Link): boolean {
    if (link.isRelayed || relayServers(link.relay, location).length === 0) return false
    link.isRelayed = true
    return true
  }

  /** Notices a path that falls silent before the browser does. */
  private lookAfter(link: Link): void {
    const watch = new PathWatch()
    clearInterval(this.looking)
    this.looking = setInterval(() => {
      // Any section will do: they share one path.
      const [sender] = link.pc.getSenders()
      if (sender === undefined || link.pc.connectionState !== 'connected') return
      void sender.getStats().then((report) => {
        const path = selectedPath(report)
        if (path === null || !watch.look(path.bytesReceived) || this.link !== link) return
        // Where the flow may have ended with good reason, the line to the server tells.
        if (performance.now() < this.changingUntil) this.events.handleDoubt()
        else this.networkChanged()
      })
    }, LOOK_EVERY_MS)
  }

  /** Sound or pictures begin or end: for a moment silence means little. */
  private flowChanges(): void {
    this.changingUntil = performance.now() + CHANGE_MS
  }

  private restartIce(link: Link): void {
    link.restartWanted = true
    void this.negotiate()
  }
}

/** One peer connection and what is going on with it. */
interface Link {
  readonly pc: RTCPeerConnection
  readonly receiver: Receiver
  offering: boolean
  offerWanted: boolean
  restartWanted: boolean
  /** The restart of ICE that was offered and not answered yet, and when. */
  unanswered: { readonly at: number } | null
  /** How often ICE was restarted. */
  restarts: number
  /** Milliseconds without a path so far. */
  downFor: number
  /** What the last answer says of the relay. */
  relay: RelayAccess | null
  /** Are paths looked for by the relay too? */
  isRelayed: boolean
}

/** The offer of a restart that was lost with the line a moment ago, to be sent again as it is: its
 * addresses are there already, and a new one would cost as long again. */
function lostRestart(link: Link): string | null {
  const { pc, unanswered } = link
  const isWhole = pc.getTransceivers().every(({ mid }) => mid !== null)
  if (unanswered === null || pc.signalingState !== 'have-local-offer' || !isWhole) return null
  if (performance.now() - unanswered.at > RESEND_MS) return null
  link.restartWanted = false
  return pc.localDescription?.sdp ?? null
}

/** Of every connection: everything on one path, and no server to ask for another. */
const CONFIGURATION: RTCConfiguration = { bundlePolicy: 'max-bundle' }
/** Pause after an offer was refused or its answer did not fit. Lower: hammers a loaded server. */
const OFFER_AGAIN_MS = 2_000
/** Time for what was asked to take effect. Higher: a path lost just then is noticed later. */
const CHANGE_MS = 1_500
/** A lost offer is sent again as it is for so long. Higher: without the addresses of a network that
 * came up since; lower: a change of network takes longer. */
const RESEND_MS = 2_000
/** How often the time without a path is counted. */
const WATCH_MS = 500
/** Time for a path without the relay. Lower: an allocation more for connections that are only slow; higher: who
 * needs it waits longer. */
const RELAY_AFTER_MS = 2_500
/** Lower: restarts that a blip of the path did not need. */
const RESTART_AFTER_MS = 3_000
/** Time without a path before a connection is made anew and the person is told. */
const GIVE_UP_MS = 10_000

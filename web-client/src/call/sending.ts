// What this page publishes: one sending section per source, filled and emptied without
// renegotiation, and the word to the server whether frames of it may go out.

import { RequestError, type Answer, type Request } from '../protocol/connection'
import type { PublishedMid, TrackSource } from '../protocol/generated'
import type { FrameDoor } from '../e2ee/session-types'
import { codecsOf, type FrameMode } from './codecs'
import { CAMERA, describeDependencies, type Encoding, withCodec, withSizes } from './layers'
import { layeredSections } from './sdp'

/** The sending half of one peer connection after another. */
export class Sender {
  /** What is sent now; outlives the connection it goes through. */
  private readonly tracks = new Map<TrackSource, MediaStreamTrack>()
  /** True while nothing of it leaves this page. */
  private isHeld = false
  private transceivers = new Map<TrackSource, RTCRtpTransceiver>()
  /** What the server was last told; a source never told about is off there. */
  private told = new Map<TrackSource, boolean>()
  /** Layers somebody watches, by source; one the server never spoke of is sent whole. */
  private wanted = new Map<TrackSource, readonly string[]>()
  /** Sections that send layers of one encoding, by `mid`, as the server last answered. */
  private layered: ReadonlySet<string> = new Set()
  /** Changes of layers, one after the other: browsers refuse two at once. */
  private applying: Promise<void> = Promise.resolve()
  private pc: RTCPeerConnection | null = null
  private frames: FrameDoor | null = null
  /** True where the camera goes out in VP9. */
  private vp9 = false

  constructor(
    private readonly request: (request: Request) => Promise<Answer>,
    private readonly negotiate: () => void,
    private readonly mode: () => FrameMode,
  ) {}

  /** Begins with a new connection: sections for the microphone and, where there are pictures, the
   * camera, opened or not. With `frames` everything is encrypted before it is sent. */
  attach(pc: RTCPeerConnection, pictures: boolean, frames: FrameDoor | null): void {
    this.pc = pc
    this.frames = frames
    this.transceivers = new Map()
    this.told = new Map()
    this.wanted = new Map()
    this.layered = new Set()
    for (const source of ['microphone', ...(pictures ? ['camera'] as const : []), ...this.tracks.keys()] as const) {
      this.section(source)
    }
  }

  /** Lets go of the connection: a closed one must not hold on to a released device. */
  detach(): void {
    for (const { sender } of this.transceivers.values()) sender.replaceTrack(null).catch(() => undefined)
    this.transceivers = new Map()
    this.pc = null
  }

  /** Which section carries which source, for the offer. */
  published(): PublishedMid[] {
    return [...this.transceivers].flatMap(([source, { mid }]) => (mid === null ? [] : [{ mid, source }]))
  }

  /** Sends `track` as `source` from now on; `null` sends nothing any more. */
  set(source: TrackSource, track: MediaStreamTrack | null): void {
    if (track === null) this.tracks.delete(source)
    else this.tracks.set(source, track)
    const known = this.transceivers.get(source)
    // Refused only when the connection is closed, and then there is nothing left to change.
    if (known !== undefined) known.sender.replaceTrack(this.outgoing(source)).catch(() => undefined)
    else if (track !== null) this.section(source)
    this.sync()
  }

  /** Sends nothing while `held`, whatever is on; then goes on as before. The server is told nothing of it:
   * it may not hear. True where this is a change. */
  hold(held: boolean): boolean {
    if (held === this.isHeld) return false
    this.isHeld = held
    for (const source of this.tracks.keys()) {
      this.transceivers.get(source)?.sender.replaceTrack(this.outgoing(source)).catch(() => undefined)
    }
    return true
  }

  /** Sends only these layers of a picture from now on; an empty name means the only one. */
  wantLayers(source: TrackSource, rids: readonly string[]): void {
    this.wanted.set(source, rids)
    this.applyLayers(source)
  }

  /** Sends the camera in VP9, where that was negotiated and the browser can change codecs; or in the
   * codec the server named first. */
  useVp9(vp9: boolean): void {
    if (vp9 === this.vp9) return
    this.vp9 = vp9
    this.applyLayers('camera')
  }

  /** What the browser counts of the camera that is sent. */
  async cameraReport(): Promise<RTCStatsReport | null> {
    return (await this.transceivers.get('camera')?.sender.getStats()) ?? null
  }

  /** Takes what the server answered. Chromium turns every layer on again with each negotiation. */
  handleAnswer(sdp: string): void {
    this.layered = layeredSections(sdp)
    for (const source of this.transceivers.keys()) this.applyLayers(source)
  }

  /** Tells the server about what changed since it was last told. */
  sync(): void {
    for (const [source, { currentDirection }] of this.transceivers) {
      const active = this.tracks.has(source)
      if (currentDirection === null || active === (this.told.get(source) ?? false)) continue
      this.tell(source, active)
    }
  }

  /** The server may think otherwise than it was told: say all again. */
  retell(): void {
    for (const source of ALL_SOURCES) {
      const active = this.tracks.has(source) && this.transceivers.get(source)?.currentDirection != null
      this.tell(source, active)
    }
  }

  private applyLayers(source: TrackSource): void {
    const transceiver = this.transceivers.get(source)
    if (transceiver === undefined) return
    this.applying = this.applying.then(async () => {
      // Overtaken by another connection.
      if (this.transceivers.get(source) !== transceiver) return
      const parameters = transceiver.sender.getParameters()
      const rids = this.wanted.get(source) ?? parameters.encodings.map(({ rid }) => rid ?? '')
      const sized = withSizes(parameters.encodings, rids, this.layered.has(transceiver.mid ?? ''))
      const encodings = source === 'camera' ? withCodec(sized, this.vp9 ? vp9Of(parameters) : null) : sized
      if (encodings === parameters.encodings) return
      parameters.encodings = [...encodings]
      // Refused where the connection closes meanwhile; layers nobody watches then do no harm.
      await transceiver.sender.setParameters(parameters).catch(() => undefined)
    })
  }

  private tell(source: TrackSource, active: boolean): void {
    this.told.set(source, active)
    this.request({ type: 'set_publishing', source, active }).catch((error: unknown) => {
      // Lost with the socket: told again at the next `joined`.
      if (!(error instanceof RequestError) || error.code === 'lost') return
      // Not allowed: the page is told so, and closes the device.
      if (error.code === 'not_allowed') return
      this.told.set(source, !active)
      setTimeout(() => {
        this.sync()
      }, RETRY_MS)
    })
  }

  private outgoing(source: TrackSource): MediaStreamTrack | null {
    return this.isHeld ? null : (this.tracks.get(source) ?? null)
  }

  /** Adds the section of a source to the connection, once. */
  private section(source: TrackSource): void {
    if (this.pc === null || this.transceivers.has(source)) return
    const kind = source === 'camera' || source === 'screen' ? 'video' : 'audio'
    const transceiver = this.pc.addTransceiver(this.outgoing(source) ?? kind, {
      direction: 'sendonly',
      ...(ENCODINGS[source] === undefined ? {} : { sendEncodings: ENCODINGS[source] }),
    })
    // At once: nothing may be sent before.
    this.frames?.attachSender(transceiver.sender, source)
    transceiver.setCodecPreferences(codecsOf(RTCRtpSender.getCapabilities(kind), this.mode()))
    if (source === 'camera') describeDependencies(transceiver)
    this.transceivers.set(source, transceiver)
    this.applyLayers(source)
    this.negotiate()
  }
}

function vp9Of({ codecs }: RTCRtpSendParameters): RTCRtpCodec | null {
  const found = codecs.find(({ mimeType }) => mimeType.toLowerCase() === 'video/vp9')
  if (found === undefined) return null
  const { mimeType, clockRate, sdpFmtpLine } = found
  return { mimeType, clockRate, ...(sdpFmtpLine === undefined ? {} : { sdpFmtpLine }) }
}

/** Pause after a refusal. Lower: hammers a loaded server. */
const RETRY_MS = 1_000
const ALL_SOURCES: readonly TrackSource[] = ['microphone', 'camera', 'screen', 'screen_audio']

const ENCODINGS: Partial<Record<TrackSource, Encoding[]>> = {
  camera: CAMERA.map((encoding) => ({ ...encoding })),
  // One layer: text must stay sharp. Higher rates fill a school's line when thirty look.
  screen: [{ maxBitrate: 2_000_000, maxFramerate: 15 }],
}

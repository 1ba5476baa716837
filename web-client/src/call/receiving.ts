// What this page receives: pairs of slots, and the subscriptions that say what each carries.

import { RequestError, type Answer, type Request } from '../protocol/connection'
import type { SlotRequest, TrackId } from '../protocol/generated'
import type { FrameDoor } from '../e2ee/session-types'
import { codecsOf, type FrameMode } from './codecs'
import { describeDependencies } from './layers'
import { PairPool, tracksOf, type Unit } from './slots'
import type { Absence, ParticipantId } from './state'
import type { PictureSource } from './store'

/** Who and what is wanted now. */
export interface Wanted {
  /** Units with something on. */
  readonly on: readonly Unit[]
  /** Units with nothing on yet. */
  readonly quiet: readonly Unit[]
  /** Height in device pixels at which a picture is shown; 0 when it is not shown at all,
   * `null` when unknown. */
  shownHeight(participant: ParticipantId, source: PictureSource): number | null
}

/** The receiving half of one peer connection. */
export class Receiver {
  private readonly pool = new PairPool()
  private readonly pairs: Pair[] = []
  private wanted: Wanted | null = null
  private requesting = false
  /** Picture slots that get nothing, by the reason. */
  private readonly marked = new Map<Absence, ReadonlySet<string>>()

  constructor(
    private readonly pc: RTCPeerConnection,
    /** False in a room of voices: its pairs have no slot for a picture. */
    private readonly pictures: boolean,
    private readonly request: (request: Request) => Promise<Answer>,
    private readonly negotiate: () => void,
    /** What a pair carries has changed. */
    private readonly handleChange: () => void,
    private readonly mode: FrameMode = 'clear',
    /** Decrypts what arrives; `null` where nothing is encrypted. */
    private readonly frames: FrameDoor | null = null,
  ) {}

  /** Wants this from now on; asks for more slots when they do not suffice. */
  want(wanted: Wanted): void {
    this.wanted = wanted
    const missing = this.pool.assign(wanted.on, wanted.quiet)
    const most = MAX_PAIRS - this.pool.size
    const grow = Math.min(Math.ceil(missing / BATCH) * BATCH, most)
    // The first pairs come at once, so that the first to speak is heard without another offer.
    const count = this.pool.size === 0 ? Math.max(grow, BATCH) : grow
    if (count > 0) {
      for (let i = 0; i < count; i++) this.pairs.push(this.addPair())
      this.pool.grow(count)
      this.pool.assign(wanted.on, wanted.quiet)
      this.negotiate()
    }
    // What is not wanted any more may be taken away by the server at that very moment (another
    // group, a camera for other eyes): wanted again a moment later, it is asked for again.
    for (const { slots: changed } of this.changes()) for (const { slot } of changed) slot.agreed &&= UNSURE
    void this.sync()
  }

  /** Tells the server what changed since it last agreed; one question at a time. */
  async sync(): Promise<void> {
    if (this.requesting) return
    this.requesting = true
    try {
      for (let changes = this.changes(); changes.length > 0; changes = this.changes()) {
        const slots = changes.flatMap(({ slots }) => slots)
        // Before the first frame can come.
        for (const { slot, request } of slots) this.frames?.expect(slot.transceiver.receiver, request.track)
        await this.request({ type: 'subscribe', slots: slots.map(({ request }) => request) })
        for (const { slot, key } of slots) slot.agreed = key
        for (const { pair, unit } of changes) carry(pair, unit)
        this.handleChange()
      }
    } catch (error) {
      // Lost with the socket: `resync` follows. Refused: most likely somebody left just now, and
      // their departure is on its way.
      if (error instanceof RequestError && error.code !== 'lost') this.retryLater()
    } finally {
      this.requesting = false
    }
  }

  /** The server may have forgotten everything: tell it all again. */
  resync(): void {
    for (const { sound, picture } of this.pairs) {
      sound.agreed = null
      if (picture !== null) picture.agreed = null
    }
    void this.sync()
  }

  /** The picture that arrives from somebody, once the server has agreed to send it. */
  pictureOf(participant: ParticipantId, source: PictureSource): MediaStream | null {
    const kind = source === 'camera' ? 'person' : 'screen'
    const pair = this.pairs.find(
      ({ carried }) => carried?.participant === participant && carried.kind === kind,
    )
    return pair?.stream ?? null
  }

  /** These picture slots, and no others, get nothing for this reason. */
  mark(why: Absence, mids: readonly string[]): void {
    this.marked.set(why, new Set(mids))
    this.handleChange()
  }

  /** Pictures that are wanted and do not come for this reason. */
  absent(why: Absence): Picture[] {
    const mids = this.marked.get(why)
    return this.pairs.flatMap(({ carried, picture }) => {
      if (carried === null || picture === null || picture.agreed === '') return []
      if (mids?.has(picture.transceiver.mid ?? '') !== true) return []
      return [{ participant: carried.participant, source: carried.kind === 'person' ? 'camera' : 'screen' }]
    })
  }

  /** What each receiving section carries, by `mid`. */
  carried(): ReadonlyMap<string, Picture | null> {
    const found = new Map<string, Picture | null>()
    for (const { carried, sound, picture } of this.pairs) {
      if (carried === null) continue
      const source = carried.kind === 'person' ? 'camera' : 'screen'
      found.set(sound.transceiver.mid ?? '', null)
      if (picture !== null) found.set(picture.transceiver.mid ?? '', { participant: carried.participant, source })
    }
    return found
  }

  /** Sound tracks of all pairs, in order; they stay the same for the life of the connection. */
  soundTracks(): MediaStreamTrack[] {
    return this.pairs.map(({ sound }) => sound.transceiver.receiver.track)
  }

  private changes(): Change[] {
    return this.pairs.flatMap((pair, index) => {
      const unit = this.pool.unitAt(index)
      const tracks = unit === null ? null : tracksOf(unit)
      const source = unit?.kind === 'screen' ? 'screen' : 'camera'
      const height = unit === null ? null : (this.wanted?.shownHeight(unit.participant, source) ?? null)
      const slots = [
        ...changeOf(pair.sound, tracks?.sound ?? null, null),
        ...(pair.picture === null ? [] : changeOf(pair.picture, height === 0 ? null : (tracks?.picture ?? null), height)),
      ]
      return slots.length === 0 ? [] : [{ pair, unit, slots }]
    })
  }

  private retryLater(): void {
    setTimeout(() => {
      if (this.pc.connectionState !== 'closed') void this.sync()
    }, RETRY_MS)
  }

  private addPair(): Pair {
    const sound = this.addSlot('audio')
    return { sound, picture: this.pictures ? this.addSlot('video') : null, carried: null, stream: null }
  }

  private addSlot(kind: 'audio' | 'video'): Slot {
    const transceiver = this.pc.addTransceiver(kind, { direction: 'recvonly' })
    this.frames?.attachReceiver(transceiver.receiver)
    transceiver.setCodecPreferences(codecsOf(RTCRtpReceiver.getCapabilities(kind), this.mode))
    if (kind === 'video') describeDependencies(transceiver)
    return { transceiver, agreed: null }
  }
}

/** One picture somebody publishes. */
export interface Picture {
  readonly participant: ParticipantId
  readonly source: PictureSource
}

interface Slot {
  readonly transceiver: RTCRtpTransceiver
  /** What the server agreed to send here, as one text; `null` for nothing yet, `UNSURE` when it may
   * have changed. */
  agreed: string | null
}

interface Pair {
  readonly sound: Slot
  readonly picture: Slot | null
  /** The unit the server agreed to send here. */
  carried: Unit | null
  stream: MediaStream | null
}

interface SlotChange {
  readonly slot: Slot
  readonly key: string
  readonly request: SlotRequest
}

interface Change {
  readonly pair: Pair
  readonly unit: Unit | null
  readonly slots: readonly SlotChange[]
}

function changeOf(slot: Slot, track: TrackId | null, height: number | null): SlotChange[] {
  const { mid, currentDirection } = slot.transceiver
  const maxHeight = track === null ? null : height
  const key = track === null ? '' : `${track.participant} ${track.source} ${String(maxHeight)}`
  // Not negotiated yet, nothing to change, or an empty slot that was never filled.
  if (mid === null || currentDirection === null) return []
  if (key === slot.agreed || (track === null && slot.agreed === null)) return []
  return [{ slot, key, request: { mid, track, maxHeight } }]
}

/** Makes visible what the server agreed to. A new stream object for each unit: an element that
 * showed the earlier picture keeps none of its frames. */
function carry(pair: Pair, unit: Unit | null): void {
  if (pair.carried?.participant === unit?.participant && pair.carried?.kind === unit?.kind) return
  pair.carried = unit
  pair.stream = unit === null || pair.picture === null ? null : new MediaStream([pair.picture.transceiver.receiver.track])
}

/** No track is named like this. */
const UNSURE = '?'
/** Pause after a refusal. Lower: more questions while a room empties. */
const RETRY_MS = 1_000
/** Pairs added at once. Higher: fewer offers while people come, longer ones. */
const BATCH = 4
/** Most pairs. Higher: the offer no longer fits in one message of 64 KiB. */
const MAX_PAIRS = 36

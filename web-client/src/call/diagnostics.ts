// What the browser counts about a call, as the few numbers that matter. Pure: two looks at the
// counters give what happened between them. No address of this machine, no name.

import type { FrameCounters } from '../e2ee/frame-messages'
import type { PublishedMid } from '../protocol/generated'
import type { Picture } from './receiving'
import { type Entry, numberOf, type SelectedPath, selectedPath, textOf } from './stats'

/** One look at the counters. */
export interface Snapshot {
  /** When, in milliseconds of any clock that goes on. */
  readonly at: number
  readonly entries: readonly Entry[]
  /** What the receiving sections carry, by `mid`: a picture, or `null` for sound. */
  readonly carried: ReadonlyMap<string, Picture | null>
  readonly sent: readonly PublishedMid[]
  /** Milliseconds a message to the server and back takes; `null` before the first. */
  readonly signalingRoundTrip: number | null
  /** How often the room was entered again by itself. */
  readonly returns: number
  /** What became of frames in an encrypted room; `null` elsewhere. */
  readonly frames: FrameCounters | null
}

/** One picture that arrives. */
export interface ReceivedPicture extends Picture {
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
  readonly bitrate: number
  readonly codec: string
}

/** One layer of a picture that is sent. */
export interface SentLayer {
  readonly source: Picture['source']
  /** Name of the layer; empty for the only one. */
  readonly rid: string
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
  readonly bitrate: number
  readonly codec: string
}

/** What happened between two looks. Rates are bit/s, shares 0 to 1; `null` where nothing is known. */
export interface Diagnosis {
  readonly path: Pick<SelectedPath, 'localType' | 'protocol' | 'server'> | null
  /** Milliseconds. */
  readonly mediaRoundTrip: number | null
  readonly signalingRoundTrip: number | null
  readonly incomingBitrate: number
  readonly outgoingBitrate: number
  /** Room the browser reckons with towards the server. */
  readonly estimatedBitrate: number | null
  readonly incomingLoss: number | null
  readonly outgoingLoss: number | null
  /** Mean time that sound waits to be played evenly, in milliseconds. */
  readonly jitterBuffer: number | null
  readonly returns: number
  readonly received: readonly ReceivedPicture[]
  readonly sent: readonly SentLayer[]
  readonly frames: FrameCounters | null
}

/** What happened since `before`; from the beginning when there is none. */
export function diagnose(before: Snapshot | null, now: Snapshot): Diagnosis {
  const look = new Look(before, now)
  const path = look.path(now)
  const inbound = look.of('inbound-rtp')
  const remote = look.of('remote-inbound-rtp')
  const sound = inbound.filter((entry) => textOf(entry, 'kind') === 'audio')
  const lost = sum(inbound, (entry) => look.growth(entry, 'packetsLost'))
  const arrived = sum(inbound, (entry) => look.growth(entry, 'packetsReceived'))
  const buffered = sum(sound, (entry) => look.growth(entry, 'jitterBufferEmittedCount'))
  const waited = sum(sound, (entry) => look.growth(entry, 'jitterBufferDelay'))
  const fractions = remote.flatMap((entry) => numberOf(entry, 'fractionLost') ?? [])
  const trips = remote.flatMap((entry) => numberOf(entry, 'roundTripTime') ?? [])
  const roundTrip = path?.roundTrip ?? (trips.length === 0 ? null : Math.min(...trips))
  return {
    path,
    mediaRoundTrip: roundTrip === null ? null : roundTrip * 1_000,
    signalingRoundTrip: now.signalingRoundTrip,
    incomingBitrate: look.rate(path?.bytesReceived ?? 0, before === null ? 0 : (look.path(before)?.bytesReceived ?? 0)),
    outgoingBitrate: look.rate(path?.bytesSent ?? 0, before === null ? 0 : (look.path(before)?.bytesSent ?? 0)),
    estimatedBitrate: path?.outgoingBitrate ?? null,
    incomingLoss: arrived + lost > 0 ? Math.max(lost, 0) / (arrived + Math.max(lost, 0)) : null,
    outgoingLoss: fractions.length === 0 ? null : Math.max(...fractions),
    jitterBuffer: buffered > 0 ? (waited / buffered) * 1_000 : null,
    returns: now.returns,
    received: look.received(inbound),
    sent: look.sent(),
    frames: now.frames,
  }
}

/** Two looks side by side. */
class Look {
  private readonly earlier: ReadonlyMap<unknown, Entry>
  private readonly byId: ReadonlyMap<unknown, Entry>
  private readonly seconds: number

  constructor(
    private readonly before: Snapshot | null,
    private readonly now: Snapshot,
  ) {
    this.earlier = byId(before)
    this.byId = byId(now)
    this.seconds = before === null ? 0 : (now.at - before.at) / 1_000
  }

  of(type: string): Entry[] {
    return this.now.entries.filter((entry) => entry['type'] === type)
  }

  path(snapshot: Snapshot): SelectedPath | null {
    return selectedPath(snapshot.entries.map((entry) => [String(entry['id']), entry] as const))
  }

  /** How much a counter grew; a counter that is new or began again counts from zero. */
  growth(entry: Entry, name: string): number {
    const now = numberOf(entry, name) ?? 0
    const before = numberOf(this.earlier.get(entry['id']) ?? {}, name) ?? 0
    return this.before === null || now < before ? 0 : now - before
  }

  /** Bit/s from two counts of bytes. */
  rate(now: number, before: number): number {
    return this.seconds <= 0 || now < before ? 0 : ((now - before) * 8) / this.seconds
  }

  received(inbound: readonly Entry[]): ReceivedPicture[] {
    return inbound.flatMap((entry) => {
      const picture = this.now.carried.get(textOf(entry, 'mid') ?? '')
      const seen = this.seen(entry, 'bytesReceived')
      return picture == null || seen.bitrate === 0 ? [] : [{ ...picture, ...seen }]
    })
  }

  sent(): SentLayer[] {
    const sources = new Map(this.now.sent.map(({ mid, source }) => [mid, source]))
    return this.of('outbound-rtp').flatMap((entry) => {
      const source = sources.get(textOf(entry, 'mid') ?? '')
      const seen = this.seen(entry, 'bytesSent')
      if ((source !== 'camera' && source !== 'screen') || seen.bitrate === 0) return []
      return [{ source, rid: textOf(entry, 'rid') ?? '', ...seen }]
    })
  }

  private seen(entry: Entry, bytes: string): Omit<SentLayer, 'source' | 'rid'> {
    const codec = this.byId.get(entry['codecId'])
    return {
      width: numberOf(entry, 'frameWidth') ?? 0,
      height: numberOf(entry, 'frameHeight') ?? 0,
      framesPerSecond: numberOf(entry, 'framesPerSecond') ?? 0,
      bitrate: this.seconds <= 0 ? 0 : (this.growth(entry, bytes) * 8) / this.seconds,
      codec: (codec === undefined ? null : textOf(codec, 'mimeType'))?.replace('video/', '') ?? '?',
    }
  }
}

function byId(snapshot: Snapshot | null): ReadonlyMap<unknown, Entry> {
  return new Map((snapshot?.entries ?? []).map((entry) => [entry['id'], entry]))
}

function sum(entries: readonly Entry[], value: (entry: Entry) => number): number {
  return entries.reduce((total, entry) => total + value(entry), 0)
}

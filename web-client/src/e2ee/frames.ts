// The page's handle of the worker that encrypts. It outlives workers: one that fails is replaced, and
// told all that it must know, but nothing is sent again before the circle has new keys.

import { signal } from '@preact/signals'
import { newFramesWorker } from '../workers'
import type { ParticipantId } from './admission'
import type { Bytes } from './bytes'
import type { EpochKeys, Expected, FrameCounters, FromWorker, SectionOptions, ToWorker, TrackSource } from './frame-messages'
import type { FrameDoor } from './session-types'
import type { Level } from './sframe'

/** See `FrameDoor`. */
export class Frames implements FrameDoor {
  private worker: Worker
  private readonly sections = new Map<RTCRtpSender | RTCRtpReceiver, Section>()
  private nextSection = 1
  private nextCount = 1
  private readonly counting = new Map<number, (counters: FrameCounters) => void>()
  /** What a new worker must know, beside its sections. */
  private epoch: EpochKeys | null = null
  private readonly ownRoots = new Map<1 | 2, Bytes | null>()
  private readonly levels = new Map<TrackSource, Level>()
  private readonly roots = new Map<string, Extract<ToWorker, { type: 'root' }>>()
  /** Epochs up to this one were used by a worker that failed: nothing is sent in them any more. */
  private spoilt = -1
  /** How many workers failed, each soon after the one before. */
  private failures = 0
  private failedAt = -Infinity
  /** True once the worker has answered: one that is still being fetched cannot. */
  private isUp = false
  /** How often in a row the worker was looked after and had not answered since. */
  private unanswered = 0
  private readonly looking: ReturnType<typeof setInterval>
  readonly isGivenUp = signal(false)
  readonly intrusions = signal(0)
  /** Frames in clear that came through the worker of now and were told of, and when that was. */
  private clearTold = 0
  private clearToldAt = -Infinity
  private closed = false

  constructor(
    private readonly raw: boolean,
    /** The worker failed and was replaced: new keys are needed before anything is sent. */
    private readonly handleCrash: () => void,
    private readonly start: () => Worker = newFramesWorker,
  ) {
    this.worker = this.makeWorker()
    this.looking = setInterval(() => {
      this.lookAfter()
    }, LOOK_MS)
  }

  attachSender(sender: RTCRtpSender, source: TrackSource): void {
    this.attach(sender, { kind: 'sender', section: this.nextSection, source })
  }

  attachReceiver(receiver: RTCRtpReceiver): void {
    this.attach(receiver, { kind: 'receiver', section: this.nextSection })
  }

  expect(receiver: RTCRtpReceiver, track: Expected | null): void {
    const section = this.sections.get(receiver)
    if (section === undefined) throw new TypeError('expected of a section without encryption')
    section.expected = track
    this.tell({ type: 'expect', section: section.options.section, track })
  }

  setCodecs(of: RTCRtpSender | RTCRtpReceiver, mimeTypes: ReadonlyMap<number, string>): void {
    const section = this.sections.get(of)
    if (section === undefined) return
    section.mimeTypes = mimeTypes
    this.tell({ type: 'codecs', section: section.options.section, mimeTypes })
  }

  detachAll(): void {
    for (const { options } of this.sections.values()) this.tell({ type: 'detach', section: options.section })
    this.sections.clear()
  }

  counters(): Promise<FrameCounters> {
    const id = this.nextCount
    this.nextCount += 1
    return new Promise((resolve) => {
      if (this.isGivenUp.peek()) {
        resolve(NOTHING)
        return
      }
      this.counting.set(id, resolve)
      this.tell({ type: 'count', id })
    })
  }

  /** Frames of this epoch can be opened from now on. */
  addEpoch(keys: EpochKeys): void {
    this.epoch = keys
    this.tell({ type: 'epoch', keys })
  }

  /** What is sent is sealed under this epoch from now on; `null` sends nothing. */
  sendWith(serial: number | null): void {
    this.tell({ type: 'send_with', serial: serial !== null && serial <= this.spoilt ? null : serial })
  }

  /** The circle is gone, or left: nothing is sent or opened before another epoch. */
  forget(): void {
    this.epoch = null
    this.roots.clear()
    this.tell({ type: 'forget' })
  }

  /** The own root of a level. */
  setOwnRoot(level: 1 | 2, root: Bytes | null): void {
    this.ownRoots.set(level, root)
    this.tell({ type: 'own_root', level, root })
  }

  /** For whom a source is sealed. */
  setLevel(source: TrackSource, level: Level): void {
    this.levels.set(source, level)
    this.tell({ type: 'level', source, level })
  }

  /** Somebody's root of a level. */
  addRoot(participant: ParticipantId, level: 1 | 2, root: Bytes): void {
    const message = { type: 'root', participant, level, root } as const
    this.roots.set(`${participant} ${level}`, message)
    this.tell(message)
  }

  /** Ends for good. */
  close(): void {
    this.closed = true
    clearInterval(this.looking)
    this.worker.terminate()
    this.settleCounts()
  }

  private attach(to: RTCRtpSender | RTCRtpReceiver, options: SectionOptions): void {
    this.nextSection += 1
    this.sections.set(to, { options, expected: null, mimeTypes: null })
    to.transform = new RTCRtpScriptTransform(this.worker, options)
  }

  private makeWorker(): Worker {
    const worker = this.start()
    this.clearTold = 0
    worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
      if (worker !== this.worker) return
      this.isUp = true
      this.unanswered = 0
      this.lookForClear(data.counters)
      this.counting.get(data.id)?.(data.counters)
      this.counting.delete(data.id)
    })
    worker.addEventListener('error', () => {
      if (worker === this.worker && !this.closed) this.failed()
    })
    worker.postMessage({ type: 'mode', raw: this.raw } satisfies ToWorker)
    worker.postMessage({ type: 'count', id: LOOK } satisfies ToWorker)
    return worker
  }

  /** A worker that ended without a word, or hangs, says nothing of it: it is asked, and has to answer. A
   * page that was frozen asks twice before it believes that the worker is the one who was not there. */
  private lookAfter(): void {
    if (this.isUp && this.unanswered >= MAX_UNANSWERED) {
      this.failed()
      return
    }
    this.unanswered += 1
    this.tell({ type: 'count', id: LOOK })
  }

  /** Frames that nobody sealed were not played; people are told of many, since no member sends any. */
  private lookForClear({ received }: FrameCounters): void {
    const clear = received.reduce((sum, { dropped }) => sum + dropped.clear, 0)
    const now = performance.now()
    // It forgot what it counted.
    if (clear < this.clearTold) this.clearTold = 0
    if (clear - this.clearTold < MANY_CLEAR || now - this.clearToldAt < TELL_AGAIN_MS) return
    this.clearTold = clear
    this.clearToldAt = now
    this.intrusions.value += 1
  }

  /** A worker that cannot even start, as after an update of the server, is not started for ever: each
   * one costs the circle an epoch. */
  private failed(): void {
    const now = performance.now()
    this.failures = now - this.failedAt < SOUND_MS ? this.failures + 1 : 0
    this.failedAt = now
    this.isUp = false
    this.unanswered = 0
    this.worker.terminate()
    this.settleCounts()
    this.spoilt = this.epoch?.serial ?? this.spoilt
    if (this.failures === 0) this.replace()
    else if (this.failures < MAX_FAILURES) {
      setTimeout(() => {
        if (!this.closed) this.replace()
      }, FIRST_PAUSE_MS * 2 ** (this.failures - 1))
    } else this.isGivenUp.value = true
  }

  private replace(): void {
    this.spoilt = this.epoch?.serial ?? this.spoilt
    // What was asked in the pause was asked of nobody.
    this.settleCounts()
    this.worker = this.makeWorker()
    if (this.epoch !== null) this.tell({ type: 'epoch', keys: this.epoch })
    for (const [level, root] of this.ownRoots) this.tell({ type: 'own_root', level, root })
    for (const [source, level] of this.levels) this.tell({ type: 'level', source, level })
    for (const message of this.roots.values()) this.tell(message)
    for (const [to, { options, expected, mimeTypes }] of this.sections) {
      if (mimeTypes !== null) this.tell({ type: 'codecs', section: options.section, mimeTypes })
      if (options.kind === 'receiver') this.tell({ type: 'expect', section: options.section, track: expected })
      to.transform = new RTCRtpScriptTransform(this.worker, options)
    }
    this.handleCrash()
  }

  private tell(message: ToWorker): void {
    if (!this.closed) this.worker.postMessage(message)
  }

  private settleCounts(): void {
    for (const resolve of this.counting.values()) resolve(NOTHING)
    this.counting.clear()
  }
}

interface Section {
  readonly options: SectionOptions
  expected: Expected | null
  mimeTypes: ReadonlyMap<number, string> | null
}

const NOTHING: FrameCounters = { sent: [], received: [] }
/** How often it is looked whether the worker is there. Longer: pictures stand for longer where it is not;
 * shorter: one that is merely busy is replaced. */
const LOOK_MS = 5_000
/** As many looks without an answer are none of a worker that is there. */
const MAX_UNANSWERED = 2
/** Fewer frames in clear are told to nobody but the diagnostics. Lower: a browser that makes one by mistake alarms
 * a class. */
const MANY_CLEAR = 10
/** How long it is not told again. Shorter: whoever has closed it cannot go on; longer: thought to be over. */
const TELL_AGAIN_MS = 60_000
/** Of a question that nobody waits for. */
const LOOK = 0
/** After this long, a worker's failure has nothing to do with that of the one before. */
const SOUND_MS = 60_000
/** Pause before the second worker in a row is replaced; the next is twice as long. */
const FIRST_PAUSE_MS = 1_000
/** After as many workers were replaced in a row, nothing is sent or opened any more, until the page is loaded anew. */
const MAX_FAILURES = 3

// Plays all tracks of a recording in step: one clock, that of the sound, or of the page where no
// sound can be played.

import { type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { DecodeError, picturesFrom, type Sound, SOUND_RATE, soundFrom } from './decode'
import type { OpenedRecording, RecordedTrack } from './opened'
import { pause } from './pause'

/** What the player does. */
export type Playing = 'paused' | 'waiting' | 'playing' | 'ended'

/** Plays one recording until `close`. */
export class Player {
  readonly state = signal<Playing>('paused')
  /** Where it is, in milliseconds since the beginning. */
  readonly position: Signal<number>
  readonly durationMs: number
  /** Why it stopped and cannot go on. */
  readonly fault = signal<unknown>(null)
  /** Pictures that are seen now, each as `pictureName`. */
  readonly shown: ReadonlySignal<ReadonlySet<string>>
  /** Persons who are heard now. */
  readonly heard: ReadonlySignal<ReadonlySet<string>>

  private readonly shownNow = signal<ReadonlySet<string>>(new Set())
  private readonly heardNow = signal<ReadonlySet<string>>(new Set())
  private readonly canvases = new Map<string, HTMLCanvasElement>()
  private run: Run | null = null
  private tick = 0

  constructor(private readonly recording: OpenedRecording) {
    this.durationMs = recording.durationMs
    this.position = signal(recording.beginsMs)
    this.shown = this.shownNow
    this.heard = this.heardNow
  }

  /** Where the pictures of one person and source are drawn. */
  attach(name: string, canvas: HTMLCanvasElement | null): void {
    if (canvas === null) this.canvases.delete(name)
    else this.canvases.set(name, canvas)
  }

  /** From a click only: it allows sound. */
  play(): void {
    if (this.state.value === 'playing' || this.state.value === 'waiting') return
    if (this.state.value === 'ended') this.position.value = this.recording.beginsMs
    this.begin()
  }

  pause(): void {
    if (this.state.value !== 'playing' && this.state.value !== 'waiting') return
    if (this.state.value === 'playing' && this.run !== null) this.position.value = Math.min(this.run.now(), this.durationMs)
    this.halt()
    this.state.value = 'paused'
  }

  seek(ms: number): void {
    const goesOn = this.state.value === 'playing' || this.state.value === 'waiting'
    this.halt()
    this.position.value = Math.min(Math.max(0, ms), this.durationMs)
    this.state.value = 'paused'
    if (goesOn) this.begin()
    else this.still()
  }

  close(): void {
    this.halt()
    this.canvases.clear()
  }

  private begin(): void {
    this.state.value = 'waiting'
    this.prepare((run) => {
      run.start()
      this.state.value = 'playing'
      this.follow(run)
    })
  }

  /** Shows what is seen at the place, without playing. */
  still(): void {
    this.prepare((run) => {
      this.shownNow.value = run.draw(this.position.value, this.canvases).shown
      this.halt()
    })
  }

  private prepare(then: (run: Run) => void): void {
    this.halt()
    this.fault.value = null
    const run = new Run(this.recording.tracks, this.position.value)
    this.run = run
    run.ready.then(
      () => {
        if (this.run === run) then(run)
      },
      (fault: unknown) => {
        this.fail(run, fault)
      },
    )
  }

  private follow(run: Run): void {
    this.tick = requestAnimationFrame(() => {
      if (this.run !== run) return
      const now = Math.min(run.now(), this.durationMs)
      // A few times a second: whoever shows it is drawn anew.
      if (Math.abs(now - this.position.value) >= POSITION_STEP_MS) this.position.value = now
      const { shown, heard } = run.draw(now, this.canvases)
      this.shownNow.value = same(this.shownNow.value, shown)
      this.heardNow.value = same(this.heardNow.value, heard)
      if (run.fault !== null) this.fail(run, run.fault)
      else if (now >= this.durationMs || run.isOver(now)) {
        this.halt()
        this.position.value = this.durationMs
        this.state.value = 'ended'
      } else this.follow(run)
    })
  }

  private fail(run: Run, fault: unknown): void {
    if (this.run !== run) return
    this.halt()
    this.fault.value = fault
    this.state.value = 'paused'
  }

  private halt(): void {
    cancelAnimationFrame(this.tick)
    this.run?.end()
    this.run = null
    this.heardNow.value = new Set()
  }
}

/** One text for the pictures of one person from one source. */
export function pictureName(person: string, source: string): string {
  return `${person} ${source}`
}

/** Playing from one place on, until it is ended. */
class Run {
  /** Everything that is seen or heard at the beginning is here. */
  readonly ready: Promise<unknown>
  fault: unknown = null
  private readonly context = new AudioContext({ sampleRate: SOUND_RATE })
  private readonly lanes: readonly Lane[]
  private readonly ended = new AbortController()
  private origin = 0
  /** When it was started, on the page's own clock. */
  private startedAt = 0
  /** True on a machine without any device for sound, whose clock of sound stands still. */
  private isSilent = false

  constructor(
    tracks: readonly RecordedTrack[],
    private readonly from: number,
  ) {
    quietly(this.context.suspend())
    this.lanes = tracks.map((track) =>
      track.source === 'camera' || track.source === 'screen'
        ? new PictureLane(track, from)
        : new SoundLane(track, from, (sound) => {
            this.place(sound)
          }),
    )
    this.ready = Promise.all(this.lanes.map((lane) => fill(lane, from)))
  }

  start(): void {
    this.origin = this.context.currentTime + LEAD_S
    this.startedAt = performance.now()
    quietly(this.context.resume())
    for (const lane of this.lanes) void this.feed(lane)
  }

  now(): number {
    const waited = performance.now() - this.startedAt
    this.isSilent ||= this.origin !== 0 && this.context.currentTime < this.origin && waited > SILENT_AFTER_MS
    if (this.isSilent) return this.from + waited - SILENT_AFTER_MS
    return Math.max(this.from, this.from + (this.context.currentTime - this.origin) * 1000)
  }

  draw(now: number, canvases: ReadonlyMap<string, HTMLCanvasElement>): { shown: Set<string>; heard: Set<string> } {
    const shown = new Set<string>()
    const heard = new Set<string>()
    for (const lane of this.lanes) lane.show(now, canvases, shown, heard)
    return { shown, heard }
  }

  isOver(now: number): boolean {
    return this.lanes.every((lane) => lane.endsAt !== null && lane.endsAt < now)
  }

  end(): void {
    this.ended.abort()
    for (const lane of this.lanes) lane.end()
    quietly(this.context.close())
  }

  private async feed(lane: Lane): Promise<void> {
    const { signal } = this.ended
    try {
      while (!signal.aborted && lane.endsAt === null) {
        await fill(lane, this.now())
        await pause(FEED_EVERY_MS, signal)
      }
    } catch (fault) {
      if (!signal.aborted) this.fault = fault
    }
  }

  private place({ ms, samples }: Sound): void {
    const late = Math.max(0, this.now() - ms)
    if (this.isSilent || late >= (samples.length / SOUND_RATE) * 1000 || this.ended.signal.aborted) return
    const buffer = this.context.createBuffer(1, samples.length, SOUND_RATE)
    buffer.copyToChannel(samples, 0)
    const node = this.context.createBufferSource()
    node.buffer = buffer
    node.connect(this.context.destination)
    // Before the start the clock stands, and what is placed waits with it.
    const origin = this.origin === 0 ? this.context.currentTime + LEAD_S : this.origin
    node.start(origin + (ms + late - this.from) / 1000, late / 1000)
  }
}

/** One track on its way. */
interface Lane {
  /** When it is over, once that is known. */
  endsAt: number | null
  /** Decodes until it is far enough ahead of `now`. */
  fill(now: number): Promise<void>
  show(now: number, canvases: ReadonlyMap<string, HTMLCanvasElement>, shown: Set<string>, heard: Set<string>): void
  end(): void
}

class PictureLane implements Lane {
  endsAt: number | null = null
  private readonly name: string
  private readonly frames: AsyncGenerator<VideoFrame, void, undefined>
  private readonly waiting: VideoFrame[] = []
  private drawnAt: number | null = null
  private lastMs: number

  constructor(track: RecordedTrack, from: number) {
    this.name = pictureName(track.person, track.source)
    this.frames = picturesFrom(track.reader, from)
    this.lastMs = from
  }

  async fill(now: number): Promise<void> {
    while (this.endsAt === null && this.waiting.length < MAX_FRAMES && this.lastMs <= now + AHEAD_MS) {
      const next = await this.frames.next()
      if (next.done === true) {
        this.endsAt = this.lastMs
        return
      }
      this.lastMs = next.value.timestamp / 1000
      // Of what comes before the place, only the last is seen.
      if (this.lastMs <= now) this.drop()
      this.waiting.push(next.value)
    }
  }

  show(now: number, canvases: ReadonlyMap<string, HTMLCanvasElement>, shown: Set<string>): void {
    let due: VideoFrame | undefined
    while ((this.waiting[0]?.timestamp ?? Infinity) / 1000 <= now) {
      due?.close()
      due = this.waiting.shift()
    }
    if (due !== undefined) {
      this.drawnAt = due.timestamp / 1000
      const canvas = canvases.get(this.name)
      if (canvas !== undefined) paint(canvas, due)
      due.close()
    }
    if (this.drawnAt !== null && now - this.drawnAt < STALE_MS) shown.add(this.name)
  }

  end(): void {
    this.drop()
    void this.frames.return().catch(() => undefined)
  }

  private drop(): void {
    for (const frame of this.waiting.splice(0)) frame.close()
  }
}

class SoundLane implements Lane {
  endsAt: number | null = null
  private readonly sounds: AsyncGenerator<Sound, void, undefined>
  private readonly loud: { readonly from: number; readonly to: number }[] = []
  private lastMs: number

  constructor(
    private readonly track: RecordedTrack,
    from: number,
    private readonly place: (sound: Sound) => void,
  ) {
    this.sounds = soundFrom(track.reader, from)
    this.lastMs = from
  }

  async fill(now: number): Promise<void> {
    while (this.endsAt === null && this.lastMs <= now + AHEAD_MS) {
      const next = await this.sounds.next()
      if (next.done === true) {
        this.endsAt = this.lastMs
        return
      }
      const { ms, samples } = next.value
      this.lastMs = ms + (samples.length / SOUND_RATE) * 1000
      if (this.lastMs <= now) continue
      if (loudness(samples) > AUDIBLE) this.loud.push({ from: ms, to: this.lastMs + LINGER_MS })
      this.place(next.value)
    }
  }

  show(now: number, _: ReadonlyMap<string, HTMLCanvasElement>, __: Set<string>, heard: Set<string>): void {
    while ((this.loud[0]?.to ?? Infinity) < now) this.loud.shift()
    if ((this.loud[0]?.from ?? Infinity) <= now) heard.add(this.track.person)
  }

  end(): void {
    void this.sounds.return().catch(() => undefined)
  }
}

/** What this browser does not decode is not seen, and keeps nobody from the rest. */
async function fill(lane: Lane, now: number): Promise<void> {
  try {
    await lane.fill(now)
  } catch (fault) {
    if (!(fault instanceof DecodeError)) throw fault
    lane.endsAt = now
  }
}

/** Root of the mean square of sound. */
export function loudness(samples: Float32Array): number {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  return samples.length === 0 ? 0 : Math.sqrt(sum / samples.length)
}

function paint(canvas: HTMLCanvasElement, frame: VideoFrame): void {
  if (canvas.width !== frame.displayWidth) canvas.width = frame.displayWidth
  if (canvas.height !== frame.displayHeight) canvas.height = frame.displayHeight
  canvas.getContext('2d')?.drawImage(frame, 0, 0)
}

/** The set before, where nothing changed, so that nothing is drawn anew. */
function same(before: ReadonlySet<string>, now: ReadonlySet<string>): ReadonlySet<string> {
  return before.size === now.size && [...now].every((one) => before.has(one)) ? before : now
}

/** A context of sound that is closed meanwhile says so of what was asked of it before. */
function quietly(asked: Promise<void>): void {
  asked.catch(() => undefined)
}

/** Louder than a quiet room. */
export const AUDIBLE = 0.01
const POSITION_STEP_MS = 200
/** Lower: a device that wakes slowly is taken for none; higher: nothing moves for longer without one. */
const SILENT_AFTER_MS = 1_000
/** Lower: the sound may be late; higher: pausing and seeking feel slow. */
const LEAD_S = 0.05
/** Lower: a slow moment is heard and seen; higher: more memory. */
const AHEAD_MS = 1_000
/** Decoded pictures of one track. More: decoders run out of buffers. */
const MAX_FRAMES = 6
/** How long a picture stands for one that does not come: longer than between two stills. */
const STALE_MS = 2_000
/** A speaker stays marked between two words. */
const LINGER_MS = 300
const FEED_EVERY_MS = 40

// One file that any player opens: the voices mixed, and one picture, of the shared screen or of
// whoever speaks. Made here, out of what was opened here; nothing is sent.

import { AudioSample, AudioSampleSource, CanvasSource, Output, Quality, StreamTarget, type StreamTargetChunk, WebMOutputFormat } from 'mediabunny'
import { ByteStore } from './byte-store'
import { DecodeError, picturesFrom, type Sound, SOUND_RATE, soundFrom } from './decode'
import type { OpenedRecording, RecordedTrack } from './opened'
import { loudness } from './player'
import { nextSpeaker } from './speaker'

/** What stands where there is no picture, and names those who speak. */
export interface Captions {
  readonly nameOf: (person: string) => string
}

/** True where this browser has what exporting takes. */
export function canExport(): boolean {
  return 'VideoEncoder' in globalThis && 'AudioEncoder' in globalThis && 'OffscreenCanvas' in globalThis
}

/** Makes the file. Rejects with the reason of `signal` when it is given up, and with what stopped it. */
export async function exportRecording(
  recording: OpenedRecording,
  captions: Captions,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const store = new ByteStore()
  const target = new WritableStream<StreamTargetChunk>({
    write: ({ position, data }) => {
      store.write(position, data)
    },
  })
  const output = new Output({ format: new WebMOutputFormat(), target: new StreamTarget(target) })
  const { width, height } = recording.tracks.some(({ source }) => source === 'screen') ? SCREEN_SIZE : CAMERA_SIZE
  const canvas = new OffscreenCanvas(width, height)
  const picture = new CanvasSource(canvas, {
    codec: 'vp8',
    quality: new Quality({ bitrate: PICTURE_BITRATE }),
    latencyMode: 'realtime',
    keyFrameInterval: KEY_FRAME_S,
  })
  const sound = new AudioSampleSource({ codec: 'opus', quality: new Quality({ bitrate: SOUND_BITRATE }) })
  output.addVideoTrack(picture)
  output.addAudioTrack(sound)
  const voices = recording.tracks.filter(({ source }) => source === 'microphone' || source === 'screen_audio').map((track) => new Voice(track))
  const scene = new Scene(recording.tracks, captions, canvas, picture)
  try {
    await output.start()
    let speaker: string | null = null
    for (let from = 0; from < recording.durationMs; from += WINDOW_MS) {
      signal.throwIfAborted()
      const mixed = new Float32Array(SOUND_RATE)
      const levels = new Map<string, number>()
      for (const voice of voices) {
        const level = await voice.mix(mixed, from)
        if (voice.speaks) levels.set(voice.person, Math.max(level, levels.get(voice.person) ?? 0))
      }
      speaker = nextSpeaker(speaker, levels)
      for (let i = 0; i < mixed.length; i += 1) mixed[i] = Math.max(-1, Math.min(1, mixed[i] ?? 0))
      const sample = new AudioSample({ data: mixed, format: 'f32-planar', numberOfChannels: 1, sampleRate: SOUND_RATE, timestamp: from / 1000 })
      await sound.add(sample)
      sample.close()
      await scene.show(from, from + WINDOW_MS, speaker)
      progress(Math.min(1, (from + WINDOW_MS) / recording.durationMs))
    }
    await output.finalize()
    return store.file('video/webm')
  } catch (fault) {
    await output.cancel().catch(() => undefined)
    throw fault
  } finally {
    scene.end()
    for (const voice of voices) voice.end()
  }
}

/** One voice, read from beginning to end. */
class Voice {
  readonly person: string
  /** False for the sound of a screen: it is nobody's. */
  readonly speaks: boolean
  private readonly sounds: AsyncGenerator<Sound, void, undefined>
  private next: Sound | null = null
  private over = false

  constructor({ person, source, reader }: RecordedTrack) {
    this.person = person
    this.speaks = source === 'microphone'
    this.sounds = soundFrom(reader, 0)
  }

  /** Adds what is heard in the second from `from` on; gives how loud it is. */
  async mix(into: Float32Array, from: number): Promise<number> {
    const own = new Float32Array(into.length)
    for (;;) {
      if (this.next === null && !this.over) {
        const { value } = await this.sounds.next()
        this.next = value ?? null
        this.over = value === undefined
      }
      if (this.next === null) break
      const { ms, samples } = this.next
      const at = Math.round(((ms - from) / 1000) * SOUND_RATE)
      if (at >= own.length) break
      const skipped = Math.max(0, -at)
      const fits = samples.subarray(skipped, Math.max(skipped, own.length - at))
      own.set(fits, Math.max(0, at))
      const used = skipped + fits.length
      if (used < samples.length) {
        this.next = { ms: ms + (used / SOUND_RATE) * 1000, samples: samples.slice(used) }
        break
      }
      this.next = null
    }
    for (let i = 0; i < into.length; i += 1) into[i] = (into[i] ?? 0) + (own[i] ?? 0)
    return loudness(own)
  }

  end(): void {
    void this.sounds.return().catch(() => undefined)
  }
}

/** The one picture. */
class Scene {
  private readonly screens: readonly RecordedTrack[]
  private readonly cameras: readonly RecordedTrack[]
  private shown: { readonly track: RecordedTrack; readonly frames: AsyncGenerator<VideoFrame, void, undefined> } | null = null
  private ahead: VideoFrame | null = null
  private lastMs = -Infinity
  /** What this browser does not decode: the name stands for it. */
  private readonly unplayable = new Set<RecordedTrack>()

  constructor(
    tracks: readonly RecordedTrack[],
    private readonly captions: Captions,
    private readonly canvas: OffscreenCanvas,
    private readonly out: CanvasSource,
  ) {
    this.screens = tracks.filter(({ source }) => source === 'screen')
    this.cameras = tracks.filter(({ source }) => source === 'camera')
  }

  /** Draws and encodes what is seen between two moments. */
  async show(from: number, to: number, speaker: string | null): Promise<void> {
    const track = await this.choose(from, to, speaker)
    if (track !== this.shown?.track) this.turnTo(track, from)
    let drawn = false
    for (let frame = await this.frame(); frame !== null && frame.timestamp / 1000 < to; frame = await this.frame()) {
      this.ahead = null
      const ms = Math.max(from, frame.timestamp / 1000)
      if (!drawn || ms - this.lastMs >= LEAST_FRAME_MS) {
        this.drawFrame(frame, track?.source === 'camera' ? this.captions.nameOf(track.person) : '')
        drawn = true
        frame.close()
        await this.add(ms)
      } else frame.close()
    }
    if (drawn) return
    if (track === null) this.drawName(speaker === null ? '' : this.captions.nameOf(speaker))
    await this.add(from)
  }

  end(): void {
    this.turnTo(null, 0)
  }

  /** A shared screen, else the camera of whoever speaks, where it gives a picture now. */
  private async choose(from: number, to: number, speaker: string | null): Promise<RecordedTrack | null> {
    const cameras = this.cameras.filter(({ person }) => person === speaker)
    for (const track of [...this.screens, ...cameras]) {
      if (this.unplayable.has(track)) continue
      // A still of a screen may stand for long.
      const patience = track.source === 'screen' ? STILL_MS : 0
      for await (const { ms } of track.reader.from(Math.max(0, from - patience))) {
        if (ms >= to) break
        if (ms >= from - patience) return track
      }
    }
    return null
  }

  private turnTo(track: RecordedTrack | null, from: number): void {
    void this.shown?.frames.return().catch(() => undefined)
    this.ahead?.close()
    this.ahead = null
    this.shown = track === null ? null : { track, frames: picturesFrom(track.reader, from) }
  }

  /** The next picture, without taking it. */
  private async frame(): Promise<VideoFrame | null> {
    if (this.ahead !== null || this.shown === null) return this.ahead
    try {
      this.ahead = (await this.shown.frames.next()).value ?? null
    } catch (fault) {
      if (!(fault instanceof DecodeError)) throw fault
      this.unplayable.add(this.shown.track)
    }
    return this.ahead
  }

  private async add(ms: number): Promise<void> {
    // Times only go on.
    const at = Math.max(ms, this.lastMs + 1, 0)
    this.lastMs = at
    await this.out.add(at / 1000)
  }

  private drawFrame(frame: VideoFrame, name: string): void {
    const context = this.ground()
    const { width, height } = this.canvas
    const scale = Math.min(width / frame.displayWidth, height / frame.displayHeight)
    const [wide, high] = [frame.displayWidth * scale, frame.displayHeight * scale]
    context?.drawImage(frame, (width - wide) / 2, (height - high) / 2, wide, high)
    if (name === '' || context === null) return
    context.font = `600 24px ${FONT}`
    const length = Math.min(context.measureText(name).width, width - 96)
    context.fillStyle = VEIL
    context.fillRect(20, height - 64, length + 28, 44)
    context.fillStyle = INK
    context.fillText(name, 34, height - 33, length)
  }

  private drawName(name: string): void {
    const context = this.ground()
    if (context === null) return
    context.fillStyle = INK
    context.font = `600 56px ${FONT}`
    context.textAlign = 'center'
    context.fillText(name, this.canvas.width / 2, this.canvas.height / 2, this.canvas.width - 96)
    context.textAlign = 'start'
  }

  private ground(): OffscreenCanvasRenderingContext2D | null {
    const context = this.canvas.getContext('2d', { alpha: false })
    if (context === null) return null
    context.fillStyle = GROUND
    context.fillRect(0, 0, this.canvas.width, this.canvas.height)
    return context
  }
}

/** The one size of the picture: writing on a shared screen needs more of it than faces, which are
 * recorded no larger than this. */
const SCREEN_SIZE = { width: 1280, height: 720 }
const CAMERA_SIZE = { width: 960, height: 540 }
/** Higher: larger files; lower: small writing on a shared screen blurs. */
const PICTURE_BITRATE = 1_200_000
const SOUND_BITRATE = 64_000
/** Higher: jumping about in the file is coarser. */
const KEY_FRAME_S = 5
/** Who speaks is looked at once a second. */
const WINDOW_MS = 1_000
/** 30 pictures a second at most. */
const LEAST_FRAME_MS = 30
/** Longest time a shared screen stands still before it is taken for ended. */
const STILL_MS = 5_000
const FONT = "'Atkinson Hyperlegible Next', system-ui, sans-serif"
const GROUND = '#131b1a'
const INK = '#f3eee5'
const VEIL = 'rgb(18 26 24 / 74%)'

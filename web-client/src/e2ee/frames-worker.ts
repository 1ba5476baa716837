// The worker that stands between the codecs and the network, in both directions. A frame that cannot
// be encrypted is not sent, and one that cannot be decrypted is not played.

import type { Bytes } from './bytes'
import { FrameKeys } from './frame-keys'
import type { FromWorker, SectionOptions, ToWorker } from './frame-messages'
import { Opener, Section } from './opener'
import { Sealer } from './sealer'

/** A frame as browsers hand it out (WebRTC Encoded Transform). */
interface Frame {
  data: ArrayBuffer
  getMetadata(): { readonly mimeType?: string; readonly payloadType?: number }
}

/** Where a transform begins. */
interface Transformer {
  readonly readable: ReadableStream<Frame>
  readonly writable: WritableStream<Frame>
  readonly options: SectionOptions
}

const worker = self as unknown as {
  onrtctransform: (event: { readonly transformer: Transformer }) => void
  onmessage: (event: { readonly data: ToWorker }) => void
  postMessage(message: FromWorker): void
}

const keys = new FrameKeys()
const sealer = new Sealer()
const opener = new Opener(keys)
const sections = new Map<number, Section<Frame>>()
/** Codecs of sections by payload type, as the page says. */
const codecs = new Map<number, ReadonlyMap<number, string>>()
let sweeping: ReturnType<typeof setInterval> | undefined

worker.onmessage = ({ data }) => {
  const now = performance.now()
  switch (data.type) {
    case 'mode':
      sealer.raw = data.raw
      opener.raw = data.raw
      return
    case 'epoch':
      keys.add(data.keys, now)
      keys.forgetRootsOfOthers()
      opener.forgetBefore(keys.oldest(now))
      retry(now)
      return
    case 'forget':
      keys.forget()
      sealer.sendWith(null)
      return
    case 'send_with':
      sealer.sendWith(data.serial === null ? null : keys.bySerial(data.serial))
      return
    case 'own_root':
      sealer.setRoot(data.level, data.root)
      return
    case 'level':
      sealer.setLevel(data.source, data.level)
      return
    case 'root':
      keys.addRoot(data.participant, data.level, data.root)
      retry(now)
      return
    case 'expect':
      section(data.section).expect(data.track, now)
      return
    case 'codecs':
      codecs.set(data.section, data.mimeTypes)
      return
    case 'detach':
      sections.delete(data.section)
      writers.delete(data.section)
      codecs.delete(data.section)
      return
    case 'count':
      worker.postMessage({ type: 'counted', id: data.id, counters: { sent: sealer.count(), received: opener.count() } })
  }
}

worker.onrtctransform = ({ transformer: { readable, writable, options } }) => {
  const transform = options.kind === 'sender' ? sealing(options) : opening(options)
  // It ends with the connection, which is no fault.
  readable.pipeThrough(new TransformStream(transform)).pipeTo(writable).catch(() => undefined)
}

function sealing({ section, source }: SectionOptions & { kind: 'sender' }): Transformer_ {
  return {
    async transform(frame, controller) {
      const sealed = await sealer.seal(source, new Uint8Array(frame.data), codecOf(section, frame)).catch(() => null)
      if (sealed === null) return
      frame.data = sealed.buffer
      controller.enqueue(frame)
      sealer.noteWritten(source)
    },
  }
}

function opening({ section: number }: SectionOptions): Transformer_ {
  return {
    start(controller) {
      writers.set(number, controller)
    },
    async transform(frame) {
      const now = performance.now()
      const target = section(number)
      await target.take(frame, new Uint8Array(frame.data), codecOf(number, frame), now).catch(() => undefined)
      if (target.isHolding) sweeping ??= setInterval(sweep, SWEEP_MS)
    },
  }
}

type Transformer_ = Transformer_of<Frame>
interface Transformer_of<F> {
  start?(controller: TransformStreamDefaultController<F>): void
  transform(frame: F, controller: TransformStreamDefaultController<F>): Promise<void>
}

/** Where what is decrypted goes on, by section. */
const writers = new Map<number, TransformStreamDefaultController<Frame>>()

function section(number: number): Section<Frame> {
  const known = sections.get(number)
  if (known !== undefined) return known
  const made = new Section<Frame>(opener, (frame, data: Bytes) => {
    frame.data = data.buffer
    try {
      writers.get(number)?.enqueue(frame)
    } catch {
      // The connection is closed.
    }
  })
  sections.set(number, made)
  return made
}

function sweep(): void {
  const now = performance.now()
  opener.forgetBefore(keys.oldest(now))
  retry(now)
  if ([...sections.values()].some(({ isHolding }) => isHolding)) return
  clearInterval(sweeping)
  sweeping = undefined
}

function retry(now: number): void {
  for (const one of sections.values()) if (one.isHolding) void one.retry(now)
}

function codecOf(number: number, frame: Frame): string | null {
  const { mimeType, payloadType } = frame.getMetadata()
  if (mimeType !== undefined) return mimeType
  const known = codecs.get(number)
  if (known === undefined) return null
  if (payloadType !== undefined) return known.get(payloadType) ?? null
  return known.size === 1 ? ([...known.values()][0] ?? null) : null
}

/** How often it is looked whether what waits has waited too long, in milliseconds. */
const SWEEP_MS = 100

// A yes to a recording of an encrypted room: this page hands the keys of its own frames to those who
// have access, one epoch of the circle after the other, for as long as the yes stands. Before it and
// after it the circle moves on, so that what was handed out opens nothing of before or afterwards.

import { effect, type ReadonlySignal } from '@preact/signals'
import type { Bytes } from '../e2ee/bytes'
import { isRecordingSigned } from '../e2ee/recipients'
import type { OwnKeys } from '../e2ee/own-keys'
import { type Answer, type Request, RequestError } from '../protocol/connection'
import type { RecordingInfo } from '../protocol/generated'
import type { ParticipantId } from './state'

/** What keeps the keys of the circle. */
export interface KeyHolder {
  /** What this page seals with from the newest epoch on; `null` outside the circle. */
  readonly ownKeys: ReadonlySignal<OwnKeys | null>
  /** Takes the circle to another epoch; done when it is in one that began after this was called. */
  rotate(): Promise<unknown>
}

/** What it works with. */
export interface ReleasingAround {
  /** Asks the server itself; rejects with `RequestError`. */
  request(request: Request): Promise<Answer>
  /** Oneself, by the pseudonym the others know; `null` outside the room. */
  self(): { readonly participant: ParticipantId; readonly name: string } | null
  /** The host key that has the fingerprint of the link; `null` while it is not known. */
  hostKey(): Bytes | null
}

/** One page's keys, handed out. */
export class Releasing {
  /** Counts what the person wanted, so that what comes of an earlier wish is known. */
  private turn = 0
  private stop: (() => void) | null = null
  /** Whether keys were handed out that the circle has not left behind yet. */
  private isExposed = false

  constructor(
    private readonly room: string,
    private readonly holder: KeyHolder,
    private readonly around: ReleasingAround,
  ) {}

  /** True where the host key signed who asks for what, and those whom the recording is sealed to. */
  async isVouchedFor(info: RecordingInfo): Promise<boolean> {
    const hostKey = this.around.hostKey()
    return hostKey !== null && isRecordingSigned(hostKey, this.room, info)
  }

  /** Before a yes is said: moves the circle on and hands the keys of the new epoch out, then those of
   * each that follows. False where the person wanted something else meanwhile. Rejects with
   * `RequestError` where it cannot be. The yes is none in both cases. */
  async begin(info: RecordingInfo): Promise<boolean> {
    this.halt()
    const { turn } = this
    // What the banner did not offer is not done either.
    if (!(await this.isVouchedFor(info))) throw new RequestError('not_allowed')
    await this.holder.rotate()
    if (turn !== this.turn) return false
    const keys = this.holder.ownKeys.value
    if (keys === null) throw new RequestError('lost')
    this.isExposed = true
    await this.release(info, keys)
    if (turn !== this.turn) return false
    this.follow(info, keys)
    return true
  }

  /** The yes is over, whatever ended it: hands nothing more out, and moves the circle on. */
  async end(): Promise<void> {
    this.halt()
    if (!this.isExposed) return
    this.isExposed = false
    // Outside the circle there is nothing to leave behind.
    await this.holder.rotate().catch(() => undefined)
  }

  /** Hands nothing more out, nor begins to. */
  halt(): void {
    this.turn += 1
    this.stop?.()
    this.stop = null
  }

  private follow(info: RecordingInfo, released: OwnKeys): void {
    let last = released
    // One after the other, so that the server keeps them in order.
    let queue = Promise.resolve()
    let isOver = false
    const end = effect(() => {
      const keys = this.holder.ownKeys.value
      if (keys === null || keys === last) return
      last = keys
      queue = queue.then(async () => {
        for (let tries = 0; tries < TRIES && !isOver; tries += 1) {
          const done = await this.release(info, keys).then(() => true, () => false)
          if (done) return
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
        }
      })
    })
    this.stop = () => {
      isOver = true
      end()
    }
  }

  private async release(info: RecordingInfo, keys: OwnKeys): Promise<void> {
    const self = this.around.self()
    if (self === null) throw new RequestError('lost')
    // age is fetched by those who hand keys out.
    const { releaseOf, sealRelease } = await import('../e2ee/release')
    const release = await releaseOf(info.recording, self, keys)
    const sealed = await sealRelease(release, info.recipients.map(({ key }) => key))
    await this.around.request({ type: 'release_keys', recording: info.recording, sealed })
  }
}

/** A server that has too much to do takes the keys a little later. */
const TRIES = 5
const AGAIN_MS = 1_000

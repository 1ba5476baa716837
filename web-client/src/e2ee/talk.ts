// Messages of members, sealed as SFrame of the source `data`: under the newest epoch, since the server
// hands on commits and messages in one order.

import { fromBase64Url, toBase64Url } from '../link'
import type { ParticipantId } from './admission'
import type { Bytes } from './bytes'
import { FrameKeys } from './frame-keys'
import type { EpochKeys } from './frame-messages'
import { decodeHeader, decodeKeyId, encodeKeyId, FrameKey, open, ReplayWindow, seal, TAG_BYTES } from './sframe'

/** Something that was opened. */
export interface Opened {
  readonly plain: Bytes
  /** Of the epoch it was sealed in. */
  readonly serial: number
}

/** Seals and opens messages. */
export class Talk {
  private readonly epochs = new FrameKeys()
  private own: { readonly kid: number; readonly key: Promise<FrameKey>; counter: number } | null = null
  private readonly senders = new Map<string, { readonly key: Promise<FrameKey>; readonly replay: ReplayWindow }>()

  /** An epoch began. */
  add(keys: EpochKeys, now: number): void {
    this.epochs.add(keys, now)
    const kid = encodeKeyId({ source: 'data', level: 0, leaf: keys.leaf, epoch: keys.epoch })
    this.own = { kid, key: FrameKey.derive(keys.baseKey, kid, 'encrypt'), counter: 0 }
    const oldest = this.epochs.oldest(now)
    for (const name of this.senders.keys()) if (Number.parseInt(name) < oldest) this.senders.delete(name)
  }

  /** The circle is gone. */
  forget(): void {
    this.epochs.forget()
    this.own = null
    this.senders.clear()
  }

  /** Seals for members; `null` outside the circle. */
  async seal(plain: Bytes): Promise<string | null> {
    const { own } = this
    if (own === null) return null
    const { counter } = own
    own.counter += 1
    return toBase64Url(await seal(await own.key, own.kid, counter, plain))
  }

  /** What `participant` said, if it was them, and the serial of the epoch it was sealed in; else `null`. */
  async open(participant: ParticipantId, sealed: string, now: number): Promise<Opened | null> {
    const bytes = fromBase64Url(sealed)
    const header = bytes === null ? null : decodeHeader(bytes)
    const id = header === null ? null : decodeKeyId(header.kid)
    if (bytes === null || header === null || id === null || bytes.length < header.length + TAG_BYTES) return null
    if (id.source !== 'data' || id.level !== 0) return null
    const keys = this.epochs.find(id.epoch, now)
    if (typeof keys === 'string' || keys.leaves.get(id.leaf) !== participant) return null
    const name = `${keys.serial} ${header.kid}`
    const sender = this.senders.get(name) ?? {
      key: FrameKey.derive(keys.baseKey, header.kid, 'decrypt'),
      replay: new ReplayWindow(),
    }
    this.senders.set(name, sender)
    if (!sender.replay.isFresh(header.counter)) return null
    try {
      const plain = await open(await sender.key, bytes, header)
      if (!sender.replay.isFresh(header.counter)) return null
      sender.replay.note(header.counter)
      return { plain, serial: keys.serial }
    } catch {
      return null
    }
  }
}

// What this page seals its own frames with, for whoever it may hand that to: those who have access to a
// recording that its person agreed to.

import { signal } from '@preact/signals'
import { RequestError } from '../protocol/connection'
import type { Bytes } from './bytes'
import type { EpochKeys } from './frame-messages'

/** The keys of one page, in one epoch of the circle. */
export interface OwnKeys {
  readonly epoch: number
  /** Own leaf. */
  readonly leaf: number
  /** From the MLS exporter; opens everybody's frames, and is handed to nobody. */
  readonly baseKey: Bytes
}

/** Follows them. */
export class OwnKeysBook {
  /** Of the newest epoch. `null` outside the circle. */
  readonly newest = signal<OwnKeys | null>(null)
  /** Of the newest epoch. */
  private serial = 0
  /** Those who wait until this page seals in an epoch after one. */
  private waiting: { readonly after: number; readonly done: () => void }[] = []

  /** An epoch began. */
  begin({ serial, epoch, leaf, baseKey }: EpochKeys): void {
    this.serial = serial
    this.newest.value = { epoch, leaf, baseKey }
  }

  /** This page seals in that epoch from now on. */
  sealsIn(serial: number): void {
    const due = this.waiting.filter(({ after }) => serial > after)
    this.waiting = this.waiting.filter(({ after }) => serial <= after)
    for (const { done } of due) done()
  }

  /** The circle is gone. */
  forget(): void {
    this.newest.value = null
  }

  /** Done once this page seals in an epoch that began after now. Rejects with `RequestError` where that
   * takes too long. */
  next(): Promise<void> {
    return new Promise((resolve, reject) => {
      const wait = {
        after: this.serial,
        done: () => {
          clearTimeout(timer)
          resolve()
        },
      }
      const timer = setTimeout(() => {
        this.waiting = this.waiting.filter((one) => one !== wait)
        reject(new RequestError('lost'))
      }, PATIENCE_MS)
      this.waiting.push(wait)
    })
  }
}

/** Longer than a commit takes where one page after the other is too slow for it. */
const PATIENCE_MS = 10_000

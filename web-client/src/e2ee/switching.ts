// From when on this page sends in an epoch: at once where somebody is to hear nothing more, else when all
// have its keys, or after a moment.

/** An epoch, as the server and the frames call it. */
export interface EpochName {
  readonly group: string
  readonly epoch: number
  /** On this page. */
  readonly serial: number
}

/** Sends in one epoch after the other. */
export class Switching {
  /** What is sent in from a moment on. */
  private next: (EpochName & { readonly at: number }) | null = null
  private isSilent = true

  /** `send` hears the serial of the epoch that is sent in from now on. */
  constructor(private readonly send: (serial: number) => void) {}

  /** An epoch began. */
  begin(name: EpochName, isAtOnce: boolean, now: number): void {
    // Those who come have a moment to come along, which an epoch after another does not prolong.
    const at = isAtOnce || this.isSilent ? now : Math.min(this.next?.at ?? Infinity, now + SWITCH_MS)
    this.next = { ...name, at }
    this.wake(now)
  }

  /** Everybody has the keys of an epoch. */
  allReady(group: string, epoch: number): void {
    if (this.next?.group === group && this.next.epoch === epoch) this.go(this.next)
  }

  /** When `wake` is to be called; `Infinity` for never. */
  get wakeAt(): number {
    return this.next?.at ?? Infinity
  }

  /** Does what is due. */
  wake(now: number): void {
    if (this.next !== null && now >= this.next.at) this.go(this.next)
  }

  /** Nothing is sent before the next epoch, which is sent in at once. */
  silence(): void {
    this.isSilent = true
  }

  /** The circle is gone. */
  forget(): void {
    this.next = null
    this.isSilent = true
  }

  private go({ serial }: EpochName): void {
    this.next = null
    this.isSilent = false
    this.send(serial)
  }
}

/** After an epoch that only added, frames are sent in it from then on at the latest. Longer: those who
 * came wait to see; shorter: slow pages hold frames. */
const SWITCH_MS = 1_000

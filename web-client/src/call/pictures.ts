// The pictures the screens draw, as one signal for each question a screen may ask.

import { type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { CallState, ParticipantId } from './state'
import type { PictureSource } from './store'

/** Where the pictures come from. */
export interface PictureSources {
  view(): CallState
  own(source: PictureSource): MediaStream | null
  received(participant: ParticipantId, source: PictureSource): MediaStream | null
}

/** Every signal handed out, and how to bring it up to date. */
export class Pictures {
  private readonly shown = new Map<string, Shown>()

  constructor(private readonly sources: PictureSources) {}

  /** Picture of a participant; the same signal for each equal question. */
  of(participant: ParticipantId, source: PictureSource): ReadonlySignal<MediaStream | null> {
    const key = `${participant} ${source}`
    let shown = this.shown.get(key)
    if (shown === undefined) {
      shown = { participant, source, stream: signal(this.picture(participant, source)) }
      this.shown.set(key, shown)
    }
    return shown.stream
  }

  /** Brings every signal up to date; those of people who left are emptied and forgotten. */
  refresh(): void {
    const view = this.sources.view()
    for (const [key, { participant, source, stream }] of this.shown) {
      stream.value = this.picture(participant, source)
      if (!view.participants.some(({ id }) => id === participant)) this.shown.delete(key)
    }
  }

  private picture(participant: ParticipantId, source: PictureSource): MediaStream | null {
    const person = this.sources.view().participants.find(({ id }) => id === participant)
    if (person?.active.has(source) !== true) return null
    return person.isSelf ? this.sources.own(source) : this.sources.received(participant, source)
  }
}

interface Shown {
  readonly participant: ParticipantId
  readonly source: PictureSource
  readonly stream: Signal<MediaStream | null>
}

// Which pictures are asked for, and how large: what the tiles show decides, once it stands still.

import type { Wanted } from './receiving'
import { unitsOf } from './slots'
import type { CallState, ParticipantId } from './state'
import { pictureKey, type PictureSource } from './store'

/** What one page wants to receive. */
export class Wanting {
  private readonly heights = new Map<string, number>()
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly view: () => CallState,
    private readonly ask: (wanted: Wanted) => void,
  ) {}

  /** See `Call`. */
  setShownHeight(participant: ParticipantId, source: PictureSource, height: number | null): void {
    const key = pictureKey(participant, source)
    const rounded = height === null ? 0 : Math.ceil(height / HEIGHT_STEP) * HEIGHT_STEP
    const before = this.heights.get(key)
    if (before === rounded) return
    this.heights.set(key, rounded)
    // What comes into sight is asked for at once, with what comes along; other changes wait until
    // the window or the list stands still.
    const soon = before === undefined || before === 0
    if (this.timer !== undefined && !soon) return
    clearTimeout(this.timer)
    this.timer = setTimeout(
      () => {
        this.want()
      },
      soon ? WANT_SOON_MS : WANT_LATER_MS,
    )
  }

  /** Asks for what is wanted now. */
  want(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const { participants, saving } = this.view()
    const { on, quiet } = unitsOf(participants)
    // A camera is asked for once it is known to be on: one for the moderators' eyes alone is
    // refused to others, together with all else that was asked in the same breath.
    const cameras = new Set(participants.filter(({ active }) => active.has('camera')).map(({ id }) => id))
    this.ask({
      on,
      quiet,
      shownHeight: (participant, source) =>
        source === 'camera' && (saving || !cameras.has(participant))
          ? 0
          : (this.heights.get(pictureKey(participant, source)) ?? 0),
    })
  }
}

/** Lower: several questions while the tiles of one layout are measured one by one. */
const WANT_SOON_MS = 30
/** Lower: more questions while a window is resized. Higher: too large or too small for longer. */
const WANT_LATER_MS = 300
/** Heights are told in steps, so that a window being resized asks for little. */
const HEIGHT_STEP = 90

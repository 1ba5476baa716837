// From what the network thinks of each pixel to how much of it is shown.

/** Keeps edges calm from one frame to the next. */
export class Matte {
  private readonly before: Float32Array
  private readonly image: ImageData

  constructor(
    private readonly width: number,
    private readonly height: number,
  ) {
    this.before = new Float32Array(width * height)
    this.image = new ImageData(width, height)
  }

  /** An image whose alpha is what is shown of the person; holds until the next one. */
  take(mask: Float32Array): ImageData {
    const { before, width, height } = this
    const { data } = this.image
    for (let index = 0; index < mask.length; index += 1) {
      const now = mask[index] ?? 0
      const then = before[index] ?? 0
      // Where something appears it is shown at once; what flickers at the edges is evened out.
      before[index] = Math.abs(now - then) > JUMP ? now : then + (now - then) * FOLLOW
    }
    for (let y = 0; y < height; y += 1) {
      const above = Math.max(y - 1, 0) * width
      const here = y * width
      const below = Math.min(y + 1, height - 1) * width
      let left = column(before, above, here, below)
      let middle = left
      for (let x = 0; x < width; x += 1) {
        const next = Math.min(x + 1, width - 1)
        const right = column(before, above + next, here + next, below + next)
        // With its neighbours: enlarged, single pixels would be steps.
        data[4 * (here + x) + 3] = 255 * shown((left + middle + right) / 9)
        left = middle
        middle = right
      }
    }
    return this.image
  }
}

function column(mask: Float32Array, above: number, here: number, below: number): number {
  return (mask[above] ?? 0) + (mask[here] ?? 0) + (mask[below] ?? 0)
}

/** How much of a pixel is shown: doubtful ones stay hidden. */
export function shown(person: number): number {
  const share = Math.min(Math.max((person - HIDDEN_BELOW) / (SHOWN_ABOVE - HIDDEN_BELOW), 0), 1)
  return share * share * (3 - 2 * share)
}

/** Lower: more of the room shows around hair and hands. */
const HIDDEN_BELOW = 0.45
/** Higher: people look cut out. */
const SHOWN_ABOVE = 0.85
/** A change above this is movement, not noise. */
const JUMP = 0.35
/** Lower: calmer edges that trail behind. */
const FOLLOW = 0.55

// A file that is written here and there while it grows, in pages that the browser may move out of
// memory once they are whole.

/** Takes what a muxer writes, and gives it as one file. */
export class ByteStore {
  private readonly pages: (Uint8Array<ArrayBuffer> | Blob)[] = []
  private length = 0

  constructor(
    /** Larger: more memory; smaller: more pieces. */
    private readonly pageBytes = 1 << 20,
  ) {}

  /** Writes at any place; from the first pages on, only where nothing is settled yet. */
  write(position: number, data: Uint8Array): void {
    let done = 0
    while (done < data.length) {
      const index = Math.floor((position + done) / this.pageBytes)
      const offset = (position + done) % this.pageBytes
      const part = data.subarray(done, done + this.pageBytes - offset)
      this.page(index).set(part, offset)
      done += part.length
    }
    this.length = Math.max(this.length, position + data.length)
    this.settle()
  }

  /** What was written. */
  file(type: string): Blob {
    return new Blob(this.pages, { type }).slice(0, this.length, type)
  }

  private page(index: number): Uint8Array<ArrayBuffer> {
    while (this.pages.length <= index) this.pages.push(new Uint8Array(this.pageBytes))
    const page = this.pages[index]
    if (!(page instanceof Uint8Array)) throw new RangeError('written already')
    return page
  }

  /** All but the first page, which a muxer comes back to at its end, and the latest. */
  private settle(): void {
    for (let index = this.pages.length - OPEN_PAGES - 1; index > 0; index -= 1) {
      const page = this.pages[index]
      if (!(page instanceof Uint8Array)) return
      this.pages[index] = new Blob([page])
    }
  }
}

/** How far back a muxer may write: into its present cluster. */
const OPEN_PAGES = 8

// Notices that a steady flow from the server stopped, long before the browser does: some tell a
// lost path after seconds only, and with a new network in reach each of them is silence. Pure.

/** Looks at how much has arrived, at even intervals. */
export class PathWatch {
  private bytes = 0
  private steady = 0
  private silent = 0

  /** Takes the bytes that arrived so far; true when a flow that was steady has stopped. True once:
   * then it must be steady again first. */
  look(bytes: number): boolean {
    const grew = bytes > this.bytes
    // A smaller number is another pair of addresses: the path changed and works.
    const restarted = bytes < this.bytes
    this.bytes = bytes
    if (grew || restarted) {
      this.steady = this.silent > 0 && this.steady < STEADY_LOOKS ? 1 : this.steady + 1
      this.silent = 0
      return false
    }
    this.silent += 1
    if (this.steady < STEADY_LOOKS) this.steady = 0
    if (this.steady === 0 || this.silent < SILENT_LOOKS) return false
    this.steady = 0
    return true
  }
}

/** How often to look, in milliseconds. Lower: noticed sooner, more work for the page. */
export const LOOK_EVERY_MS = 200
/** Looks in a row that saw something arrive. Lower: pauses between words count as a loss. */
const STEADY_LOOKS = 5
/** Looks in a row that saw nothing. Lower: late packets count as a loss. */
const SILENT_LOOKS = 2

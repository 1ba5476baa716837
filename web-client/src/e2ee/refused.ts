// Why a commit, a Welcome or a key package is not taken that came in order.

/** What the circle does not take, and why: for logs of one's own and for tests. */
export class Refused extends Error {
  constructor(
    why: string,
    /** True where one of two clocks is wrong: this machine's, or that of whoever admitted somebody. */
    readonly isClock = false,
  ) {
    super(why)
  }
}

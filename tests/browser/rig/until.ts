/** How often a condition is looked at. Raised: tests wait longer than needed; lowered: the looking itself loads a machine of two cores. */
const POLL_MS = 50

/** Deadline of a condition that names none. Raised: a failing suite takes longer; lowered: a busy machine fails good code. */
const DEFAULT_DEADLINE_MS = 15_000

/** One look every POLL_MS. */
function nextLook(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, POLL_MS)
  })
}

/**
 * Waits until `look` gives something that is neither `false`, `null` nor `undefined`, and returns
 * it. Fails after `deadlineMs` with `what` and the last thing seen, or the last error thrown.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | false | null | undefined> | T | false | null | undefined,
  deadlineMs: number = DEFAULT_DEADLINE_MS,
  seen?: () => unknown,
): Promise<T> {
  const deadline = performance.now() + deadlineMs
  let lastError: unknown
  for (;;) {
    try {
      const value = await look()
      if (value !== false && value !== null && value !== undefined) return value
      lastError = undefined
    } catch (error) {
      lastError = error
    }
    if (performance.now() > deadline) break
    await nextLook()
  }
  const detail = lastError === undefined ? '' : ` (last error: ${String(lastError)})`
  const state = seen === undefined ? '' : ` (last seen: ${JSON.stringify(await seen())})`
  throw new Error(`not within ${deadlineMs} ms: ${what}${detail}${state}`)
}

/** Fails with `what` when `promise` is not settled after `deadlineMs`. */
export async function within<T>(what: string, deadlineMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${deadlineMs} ms: ${what}`)), deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

// What is left of a timer, in words. Pure.

/** Whole seconds left; the last one counts until it is over. */
export function secondsLeft(endsAt: number, now: number): number {
  return Math.max(0, Math.ceil((endsAt - now) / 1_000))
}

/** Milliseconds until that number changes. */
export function untilNextSecond(endsAt: number, now: number): number {
  const left = endsAt - now
  return left <= 0 ? 0 : left - (secondsLeft(endsAt, now) - 1) * 1_000
}

/** As a clock shows it: "4:05", "1:00:00". */
export function clock(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)]
  const two = (number: number) => String(number).padStart(2, '0')
  const rest = two(seconds % 60)
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`
}

/** Minutes typed into a field, "1,5" and "1.5" alike, as seconds; `null` for what is none, or longer
 * than a day. */
export function typedMinutes(typed: string): number | null {
  const text = typed.trim().replace(',', '.')
  if (!/^\d{1,4}(\.\d{1,2})?$/.test(text)) return null
  const seconds = Math.round(Number(text) * 60)
  return seconds >= 1 && seconds <= MAX_SECONDS ? seconds : null
}

/** Longest timer the server takes. */
const MAX_SECONDS = 24 * 3_600

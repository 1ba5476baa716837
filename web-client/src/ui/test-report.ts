// The connection test in words: causes, remedies, and the report to hand on. No address, name or
// link of a person stands in any of it.

import { type Place, STEPS, type TestCause, type TestProblem, type TestResult, verdictOf } from '../call/connection-test'
import { t } from '../i18n'
import { problemHelp, problemTitle } from './problem'

/** Short statement of a cause. */
export function causeTitle(cause: TestCause): string {
  return isTestProblem(cause) ? t(`test.cause.${cause}.title`) : problemTitle(cause)
}

/** What the person can do about it. */
export function causeHelp(cause: TestCause): string {
  return isTestProblem(cause) ? t(`test.cause.${cause}.help`) : problemHelp(cause)
}

/** What whoever runs the network can do about it; `null` where it is not theirs. */
export function adminHelp(cause: TestCause, result: TestResult): string | null {
  const values = { host: location.host, places: placesText(result.places) }
  switch (cause) {
    case 'server_unreachable':
      return t('test.admin.server', values)
    case 'server_unexpected':
      return t('test.admin.filter', values)
    case 'websocket_blocked':
      return t('test.admin.websocket', values)
    case 'udp_blocked':
    case 'udp_detour':
      return t('test.admin.udp', values)
    case 'udp_handshake':
      return t('test.admin.handshake', values)
    default:
      return null
  }
}

/** The whole test as plain lines, for a support desk. */
export function testReport(result: TestResult, now: Date): string {
  const steps = STEPS.map((name) => {
    const { state, cause, roundTrip } = result.steps[name]
    const time = roundTrip === null ? '' : ` (${t('test.time', { milliseconds: Math.round(roundTrip) })})`
    const why = cause === null ? '' : ` [${cause}]`
    return `${t(`test.step.${name}`)} – ${t(`test.state.${state}`)}${time}${why}`
  })
  const { path, places } = result
  return [
    `Préau – ${t('test.title')}`,
    t(`test.verdict.${verdictOf(result)}`),
    '',
    ...steps,
    '',
    `${t('report.server')} ${location.host}`,
    ...(places.length === 0 ? [] : [`${t('report.media')} ${placesText(places)}`]),
    ...(path === null ? [] : [`${t('report.path')} ${path.protocol} ${path.localType}${path.server === null ? '' : ` → ${placeText(path.server)}`}`]),
    `${t('report.browser')} ${browserName(navigator.userAgent)}`,
    `${t('report.date')} ${now.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
  ].join('\n')
}

/** Family and main version of a browser and its system: what a support desk asks, and no more. */
export function browserName(userAgent: string): string {
  const browser = BROWSERS.map(([name, pattern]) => [name, pattern.exec(userAgent)?.[1]] as const).find(
    ([, version]) => version !== undefined,
  )
  const system = SYSTEMS.find(([, pattern]) => pattern.test(userAgent))?.[0]
  return [browser?.join(' ') ?? '?', system ?? '?'].join(', ')
}

function isTestProblem(cause: TestCause): cause is TestProblem {
  return Object.hasOwn(TEST_PROBLEMS, cause)
}

/** Several addresses of one server are told once with their port. */
function placesText(places: readonly Place[]): string {
  return places.slice(0, MAX_PLACES).map(placeText).join(', ')
}

function placeText({ address, port }: Place): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`
}

const TEST_PROBLEMS: Record<TestProblem, true> = {
  devices_unavailable: true,
  server_unexpected: true,
  websocket_blocked: true,
  udp_blocked: true,
  udp_detour: true,
  udp_handshake: true,
}

/** The first that fits: most browsers also claim to be another. */
const BROWSERS: readonly (readonly [string, RegExp])[] = [
  ['Edge', /Edg(?:e|A|iOS)?\/(\d+)/],
  ['Firefox', /(?:Firefox|FxiOS)\/(\d+)/],
  ['Chrome', /(?:Chrome|CriOS)\/(\d+)/],
  ['Safari', /Version\/(\d+).*Safari/],
]
const SYSTEMS: readonly (readonly [string, RegExp])[] = [
  ['Android', /Android/],
  ['iOS', /iPhone|iPad/],
  ['ChromeOS', /CrOS/],
  ['Windows', /Windows/],
  ['macOS', /Mac OS X/],
  ['Linux', /Linux/],
]
/** A server with more addresses is configured oddly; the first ones are enough to open a port. */
const MAX_PLACES = 4

import type { Arrival, TestPage } from './page.ts'
import { until } from './until.ts'

/** Frames or energy that must newly arrive before a track counts as flowing. */
const GROWTH = { frames: 5, energy: 1e-6 }

type Source = Arrival['source']

/** One pair that has to work: `page` receives `source` of `from`. */
interface Expectation {
  page: TestPage
  from: string
  source: Source
}

/** Waits until each page receives the microphone and camera of each other page. */
export async function untilAllFlow(
  pages: TestPage[],
  sources: Source[] = ['camera', 'microphone'],
  deadlineMs = 30_000,
): Promise<void> {
  const ids = await Promise.all(pages.map(selfIdOf))
  const expected: Expectation[] = []
  for (const [i, page] of pages.entries()) {
    for (const [j, from] of ids.entries()) {
      if (i !== j) expected.push(...sources.map((source) => ({ page, from, source })))
    }
  }
  await untilFlow(expected, deadlineMs)
}

/** Waits until `page` receives `source` of `sender`, with newly decoded frames or newly heard energy. */
export async function untilReceives(
  page: TestPage,
  sender: TestPage,
  source: Source,
  deadlineMs = 20_000,
): Promise<void> {
  await untilFlow([{ page, from: await selfIdOf(sender), source }], deadlineMs)
}

/** The id of the page's own participant. */
export async function selfIdOf(page: TestPage): Promise<string> {
  return until(`${page.engine} has joined`, () => page.selfId())
}

async function untilFlow(expected: Expectation[], deadlineMs: number): Promise<void> {
  const first = new Map<Expectation, number>()
  const missing = new Set(expected)
  const seen = new Map<TestPage, Arrival[]>()
  await until(
    `${expected.length} tracks flow`,
    async () => {
      const pages = new Set([...missing].map((expectation) => expectation.page))
      for (const page of pages) seen.set(page, await page.arrivals())
      for (const expectation of missing) {
        const arrival = seen
          .get(expectation.page)
          ?.find((a) => a.participant === expectation.from && a.source === expectation.source)
        if (arrival === undefined) continue
        const isVideo = expectation.source === 'camera' || expectation.source === 'screen'
        const value = isVideo ? arrival.frames : arrival.energy
        const start = first.get(expectation)
        // A counter that fell belongs to a new connection: start again from it.
        if (start === undefined || value < start) first.set(expectation, value)
        else if (value - start >= (isVideo ? GROWTH.frames : GROWTH.energy)) missing.delete(expectation)
      }
      return missing.size === 0
    },
    deadlineMs,
    () => ({
      missing: [...missing].map((e) => `${e.page.engine} <- ${e.from} ${e.source}`),
      arrivals: [...seen.values()],
    }),
  )
}

/** Waits until the tile of `sender` on `page` shows a moving picture. */
export async function untilTilePlays(page: TestPage, sender: TestPage): Promise<void> {
  const from = await selfIdOf(sender)
  let firstTime: number | undefined
  await until(
    `${page.engine} plays the tile of ${sender.engine}`,
    async () => {
      const state = await page.evaluate<{ time: number; width: number; paused: boolean } | null>(
        `__rig.playing(${JSON.stringify(from)})`,
      )
      if (state === null || state.width === 0 || state.paused) return false
      firstTime ??= state.time
      return state.time > firstTime
    },
    20_000,
    () => page.evaluate(`__rig.playing(${JSON.stringify(from)})`),
  )
}

import type { Ground } from './rule.ts'
import { selfIdOf } from './media.ts'
import type { Engine, PageOptions, TestPage } from './page.ts'
import type { PreauServer } from './server.ts'
import { until } from './until.ts'

/** Who joins, and how. */
export interface Joiner extends PageOptions {
  engine?: Engine
  name?: string
}

/** Opens `link` in a fresh profile and joins; waits until the page is in the room. */
export async function join(ground: Ground, server: PreauServer, link: string, who: Joiner = {}): Promise<TestPage> {
  const page = await ground.page(who.engine ?? 'chromium', who)
  await page.goto(link)
  await passPrejoin(page, server, who.name)
  return page
}

/** From the page before joining into the room. */
export async function passPrejoin(page: TestPage, server: PreauServer, name?: string): Promise<void> {
  if (name !== undefined) {
    server.forbidInLog(name)
    await page.fill('pseudonym', name)
  }
  await page.click('join')
  await page.find('participant-count')
  await selfIdOf(page)
}

/** Turns the microphone on and waits until the page says so. */
export async function turnMicrophoneOn(page: TestPage): Promise<void> {
  await page.click('mic-toggle')
  await page.untilAttribute('mic-toggle', 'aria-pressed', 'true')
}

/** Opens the camera, looks at the preview, sends it. */
export async function turnCameraOn(page: TestPage): Promise<void> {
  await page.click('camera-toggle')
  await page.click('camera-confirm')
  await page.untilAttribute('camera-toggle', 'aria-pressed', 'true')
}

/** Goes through the reminder and shares. */
export async function shareScreen(page: TestPage): Promise<void> {
  await page.click('screen-toggle')
  await page.click('screen-confirm')
  await page.untilAttribute('screen-toggle', 'aria-pressed', 'true')
}

/** Waits until the page shows exactly these people, in any order. */
export async function untilNames(page: TestPage, names: string[], deadlineMs?: number): Promise<void> {
  const wanted = [...names].sort().join('|')
  await until(
    `${page.engine} shows ${wanted}`,
    async () => [...new Set((await page.tiles()).map((tile) => tile.name))].sort().join('|') === wanted,
    deadlineMs,
    () => page.tiles(),
  )
}

/** Waits until the page counts `count` participants. */
export async function untilCount(page: TestPage, count: number, deadlineMs?: number): Promise<void> {
  await until(
    `${page.engine} counts ${count}`,
    async () => /\d+/.exec(await page.text('participant-count'))?.[0] === String(count),
    deadlineMs,
    () => page.text('participant-count'),
  )
}

/** Waits until the page is connected, signaling and media. */
export async function untilConnected(page: TestPage, deadlineMs = 30_000): Promise<void> {
  await untilConnection(page, 'connected', deadlineMs)
}

/** Waits until the page says this of its connections. */
export async function untilConnection(page: TestPage, state: string, deadlineMs?: number): Promise<void> {
  await until(
    `${page.engine} is ${state}`,
    () => page.raw.$eval('[data-testid=connection-state]', (node, wanted) => (node as HTMLElement).dataset['state'] === wanted, state),
    deadlineMs,
    () => page.bodyText(),
  )
}

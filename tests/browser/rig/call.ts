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
  await confirm(page, 'camera')
}

/** Goes through the reminder and shares. */
export async function shareScreen(page: TestPage): Promise<void> {
  await page.click('screen-toggle')
  await confirm(page, 'screen')
}

/** Says what a recording is for and who will see it, and asks everybody. */
export async function askToRecord(teacher: TestPage, terms: { details: string; audience: string }): Promise<void> {
  await teacher.click('more')
  await teacher.click('record-start')
  await teacher.find('record-purpose')
  await teacher.raw.select('[data-testid=record-purpose]', 'revision')
  await teacher.fill('record-details', terms.details)
  await teacher.fill('record-audience', terms.audience)
  await teacher.click('record-confirm')
  await teacher.find('recording-mark')
}

/** What shows itself, or a reminder, for three seconds before it begins. */
type Announced = 'camera' | 'screen'

/** Lets it begin. On a busy machine the three seconds may be over before the click. */
export async function confirm(page: TestPage, device: Announced): Promise<void> {
  await until(
    `${page.engine} sends the ${device}`,
    async () => {
      if ((await page.attribute(`${device}-toggle`, 'aria-pressed')) === 'true') return true
      const button = await page.raw.$(`[data-testid=${device}-confirm]`)
      if (button !== null && (await button.isVisible())) await button.click()
      return false
    },
    20_000,
    () => page.bodyText(),
  )
}

/** Waits until the page shows `text` and its choice before anything of the device begins. */
export async function untilAsksFirst(page: TestPage, device: Announced, text: string): Promise<void> {
  const asks = `document.body.innerText.includes(${JSON.stringify(text)})
    && document.querySelector('[data-testid=${device}-confirm]') !== null
    && document.querySelector('[data-testid=${device}-toggle]').getAttribute('aria-pressed') === 'false'`
  const notYet = device === 'screen' ? '__rig.displayMediaCalls === 0' : 'true'
  await until(`${page.engine} asks before the ${device}`, () => page.evaluate<boolean>(`${asks} && ${notYet}`), 15_000, () => page.bodyText())
}

/** Opens it and holds its choice open; `text` says that it waits. */
export async function hold(page: TestPage, device: Announced, text: string): Promise<void> {
  const isOn = async (): Promise<boolean> => (await page.attribute(`${device}-toggle`, 'aria-pressed')) === 'true'
  await until(`${page.engine} holds the ${device}`, async () => {
    // On a busy machine the three seconds may be over before the click: then off again.
    if (await isOn()) await page.click(`${device}-toggle`)
    await page.untilAttribute(`${device}-toggle`, 'aria-pressed', 'false')
    await page.click(`${device}-toggle`)
    return until('a choice', async () => {
      if ((await page.evaluate<string>('document.body.innerText')).includes(text)) return { held: true }
      const wait = await page.raw.$(`[data-testid=${device}-wait]`)
      if (wait !== null && (await wait.isVisible())) await wait.click()
      return (await isOn()) && { held: false }
    }).then(({ held }) => held)
  }, 40_000, () => page.bodyText())
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

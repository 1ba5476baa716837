// Encrypted rooms by their screens: the home page's click, the lobby, the lock.

import { passPrejoin } from './call.ts'
import { selfIdOf } from './media.ts'
import type { Engine, PageOptions, TestPage } from './page.ts'
import type { Ground } from './rule.ts'
import type { PreauServer, ServerOptions } from './server.ts'
import { until } from './until.ts'

/** A room, its teacher in it, and all that the teacher's page and the server said to each other. */
export interface Opened {
  server: PreauServer
  teacher: TestPage
  guest: string
  talk: string[]
}

/** For `PageOptions.before`: the worker that encrypts fails whenever it is started, at a message that is
 * none, in a page that was not loaded anew. */
export const FAIL_UNTIL_RELOADED = `if (performance.getEntriesByType('navigation')[0]?.type !== 'reload') {
  const Native = Worker
  globalThis.Worker = class Worker extends Native {
    constructor(url, options) {
      super(url, options)
      if (/frames-worker/.test(url)) this.postMessage(null)
    }
  }
}`

/** A room by the home page's click. */
export async function openRoom(
  ground: Ground,
  profile: 'classe' | 'reunion' | 'sensible',
  options?: PageOptions,
  serverOptions?: ServerOptions,
): Promise<Opened> {
  const server = await ground.server(serverOptions)
  const teacher = await ground.page('chromium', options)
  const talk: string[] = []
  await teacher.cdp?.send('Network.enable')
  for (const event of ['Network.webSocketFrameSent', 'Network.webSocketFrameReceived'] as const) {
    teacher.cdp?.on(event, ({ response }) => talk.push(response.payloadData))
  }
  await teacher.goto(server.origin)
  await teacher.click(`profile-${profile}`)
  await teacher.click('create-room')
  const guest = await teacher.text('guest-link')
  await teacher.click('enter-room')
  await passPrejoin(teacher, server, 'Mme Secrète')
  return { server, teacher, guest, talk }
}

export function openClass(ground: Ground, options?: PageOptions): Promise<Opened> {
  return openRoom(ground, 'classe', options)
}

/** Lets a pupil in by the lobby. */
export async function enter(
  ground: Ground,
  server: PreauServer,
  teacher: TestPage,
  guest: string,
  engine: Engine,
  name: string,
  options?: PageOptions,
): Promise<TestPage> {
  const pupil = await ground.page(engine, options)
  await pupil.goto(localOf(server, guest))
  server.forbidInLog(name)
  await pupil.fill('pseudonym', name)
  await pupil.click('join')
  await pupil.find('lobby-waiting')
  await teacher.untilText(name)
  await teacher.click('lobby-admit')
  await selfIdOf(pupil)
  return pupil
}

/** The link at the address that the rig's browsers use. */
export function localOf(server: PreauServer, link: string): string {
  const { pathname, hash } = new URL(link)
  return `${server.origin}${pathname}${hash}`
}

/** Waits until each page shows the lock, and that everybody has the keys. */
export async function untilEncrypted(pages: readonly TestPage[], count: number): Promise<void> {
  for (const page of pages) {
    await page.untilAttribute('e2ee-lock', 'data-state', 'ready', 30_000)
    await until(
      `${page.engine} counts ${count} with keys`,
      () =>
        page.evaluate<boolean>(
          `(({ present, encrypted }) => present === '${count}' && encrypted === '${count}')(document.querySelector('[data-testid=e2ee-count]').dataset)`,
        ),
      30_000,
      () => page.evaluate(`document.querySelector('[data-testid=e2ee-lock]').outerHTML`),
    )
  }
}

/** Enters a room without a lobby. */
export async function come(ground: Ground, server: PreauServer, guest: string, name: string, engine: Engine = 'chromium', options?: PageOptions): Promise<TestPage> {
  const page = await ground.page(engine, options)
  await page.goto(localOf(server, guest))
  await passPrejoin(page, server, name)
  return page
}

/** What the diagnostics count of everybody's frames, once they count some of `senders` people. */
export async function counted(page: TestPage, senders: number): Promise<{ good: number; clear: number }[]> {
  await page.click('diagnostics-open')
  const counts = await until(`${page.engine} counts frames`, async () => {
    const rows = await page.evaluate<{ good: number; clear: number }[]>(
      `Array.from(document.querySelectorAll('[data-testid=e2ee-state]'), ({ dataset }) => ({ good: Number(dataset.good), clear: Number(dataset.clear) }))`,
    )
    return rows.filter(({ good }) => good > 0).length >= senders ? rows : null
  })
  await page.click('diagnostics-close')
  return counts
}

/** Remembers from now on what the lock says; `lockSaid` gives it. */
export async function watchLock(page: TestPage): Promise<void> {
  await page.find('e2ee-lock')
  await page.evaluate(`(() => {
    const lock = document.querySelector('[data-testid=e2ee-lock]')
    const said = (globalThis.__lockSaid = new Set([lock.dataset.state]))
    new MutationObserver(() => said.add(lock.dataset.state)).observe(lock, { attributeFilter: ['data-state'] })
  })()`)
}

/** Every state the lock of a page has had since it is watched. */
export function lockSaid(page: TestPage): Promise<string[]> {
  return page.evaluate('[...__lockSaid]')
}

/** The worker that encrypts fails at a message that is none, or ends without a word; waits until the page
 * has another one. */
export async function endWorker(page: TestPage, how: 'fails' | 'ends'): Promise<void> {
  const count = (): Promise<number> => page.evaluate<number>('__rig.framesWorkers.length')
  const before = await until(`${page.engine} has a worker`, count)
  // What it says of it: that null has no type.
  page.ownFault = 'null'
  await page.evaluate(`__rig.framesWorkers.at(-1).${how === 'fails' ? 'postMessage(null)' : 'terminate()'}`)
  await until('there is another', async () => (await count()) > before, 40_000)
}

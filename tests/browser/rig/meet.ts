import { passPrejoin, turnCameraOn, turnMicrophoneOn } from './call.ts'
import { createRoom, guestPath, type RoomLinks } from './link.ts'
import { untilAllFlow } from './media.ts'
import type { Engine, TestPage } from './page.ts'
import type { Ground } from './rule.ts'
import type { PreauServer } from './server.ts'
import { until } from './until.ts'

/** Far above a healthy join, the wait for the relay included; the figure tells the rest. */
const SANE_MS = 20_000

/** What came of a meeting for one pupil. */
export interface Met {
  engine: Engine
  /** Milliseconds from the click on join to the first frame of somebody else. */
  first: number
  /** How the pupil's media goes. */
  way: string | null
}

/** A teacher, and a pupil in each browser, who join one after the other while the teacher's camera is on;
 * waits until sound and pictures flow between all of them. */
export async function meet(ground: Ground, server: PreauServer, origin: string): Promise<Met[]> {
  const links = await roomAt(ground, server, origin)
  // The relay is taken by browsers alone that trust its certificate, which no click gets past.
  const teacher = await ground.trustingPage('chromium', server)
  await teacher.goto(`${origin}${guestPath(links)}`)
  await passPrejoin(teacher, server)
  await turnMicrophoneOn(teacher)
  await turnCameraOn(teacher)
  const pupils: { page: TestPage; first: number }[] = []
  for (const engine of ['chromium', 'firefox'] as const) {
    const page = await ground.trustingPage(engine, server)
    await page.goto(`${origin}${guestPath(links)}`)
    await page.find('join')
    await page.evaluate(`__rig.armFirstFrame('join')`)
    await passPrejoin(page, server)
    const first = await until('a first frame', () => page.evaluate<number | null>('__rig.firstFrameDelay()'), SANE_MS)
    await turnMicrophoneOn(page)
    await turnCameraOn(page)
    pupils.push({ page, first })
  }
  await untilAllFlow([teacher, ...pupils.map(({ page }) => page)])
  return Promise.all(
    pupils.map(async ({ page, first }) => ({ engine: page.engine, first, way: await page.evaluate<string | null>('__rig.way()') })),
  )
}

/** A room of a server whose certificate this process does not know. */
export async function roomAt(ground: Ground, server: PreauServer, origin: string): Promise<RoomLinks> {
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  const links = await createRoom(origin).finally(() => {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  })
  ground.keepSecret(server, links)
  return links
}

import { passPrejoin, turnCameraOn, turnMicrophoneOn } from './call.ts'
import { createRoom, guestPath, type RoomLinks } from './link.ts'
import { untilAllFlow } from './media.ts'
import type { Engine } from './page.ts'
import type { Ground } from './rule.ts'
import type { PreauServer } from './server.ts'
import { until } from './until.ts'

/** Far above a healthy join, the wait for the relay included; the figure tells the rest. */
const SANE_MS = 20_000

/** What came of a meeting. */
export interface Met {
  /** Milliseconds from the pupil's click on join to the first frame of the teacher. */
  first: number
  /** How the pupil's media goes. */
  way: string | null
}

/** A teacher, and a pupil in this browser who joins while the teacher's camera is on; waits until sound
 * and pictures flow both ways. */
export async function meet(ground: Ground, engine: Engine, server: PreauServer, origin: string): Promise<Met> {
  const links = await roomAt(ground, server, origin)
  // The relay is taken by browsers alone that trust its certificate, which no click gets past.
  const teacher = await ground.trustingPage('chromium', server)
  await teacher.goto(`${origin}${guestPath(links)}`)
  await passPrejoin(teacher, server)
  await turnMicrophoneOn(teacher)
  await turnCameraOn(teacher)
  const pupil = await ground.trustingPage(engine, server)
  await pupil.goto(`${origin}${guestPath(links)}`)
  await pupil.find('join')
  await pupil.evaluate(`__rig.armFirstFrame('join')`)
  await passPrejoin(pupil, server)
  const first = await until('a first frame', () => pupil.evaluate<number | null>('__rig.firstFrameDelay()'), SANE_MS)
  await turnMicrophoneOn(pupil)
  await turnCameraOn(pupil)
  await untilAllFlow([teacher, pupil])
  return { first, way: await pupil.evaluate<string | null>('__rig.way()') }
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

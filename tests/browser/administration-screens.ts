// What an administrator sees of the server, and what people see when they stop it.

import { join } from './rig/call.ts'
import { doctorLink, untilAllTried } from './rig/doctor.ts'
import { guestPath, moderatorPath } from './rig/link.ts'
import type { Ground } from './rig/rule.ts'
import type { See } from './screens.test.ts'

/** The check of the server, its authority, and a meeting that goes on while the server waits for its end. */
export async function administration(ground: Ground, see: See): Promise<void> {
  const { server, links } = await ground.serverWithRoom({ drainMax: 30, publicAddresses: ['auto', '0.0.0.0'] })
  const page = await ground.page()
  // By a click past the browser's warning, so that one way fails.
  const link = doctorLink(server, server.httpsOrigin)
  await page.goto(link)
  await untilAllTried(page)
  await see('08-doctor', page)
  const late = await ground.page()
  await late.goto(link.slice(0, -4))
  await late.untilAttribute('error-message', 'data-problem', 'expired')
  await see('08-doctor-expired', late)
  await late.close()
  await page.goto(`${server.origin}/authority`)
  await page.findSelector('h1')
  await see('09-authority', page)
  await page.close()

  const teacher = await join(ground, server, `${server.origin}${moderatorPath(links)}`, { name: 'Maîtresse Loriot' })
  const pupil = await join(ground, server, `${server.origin}${guestPath(links)}`, { name: 'Zoé Quetzal' })
  server.drain()
  for (const each of [teacher, pupil]) await each.find('restart-notice')
  await see('23-draining', teacher)
  const refused = await ground.page()
  await refused.goto(server.origin)
  await refused.click('create-room')
  await refused.untilAttribute('error-message', 'data-problem', 'restarting')
  await see('23-draining-no-new-room', refused)
}

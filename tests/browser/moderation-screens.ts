// Screens of moderation, for eyes and for axe.

import { firstAnswer } from './rig/bot.ts'
import { join, turnMicrophoneOn, untilCount } from './rig/call.ts'
import { createRoom, guestPath, moderatorPath, proofOf } from './rig/link.ts'
import { selfIdOf } from './rig/media.ts'
import type { TestPage } from './rig/page.ts'
import type { Ground } from './rig/rule.ts'
import type { See } from './screens.test.ts'

/** A class at the door. */
const WAITING = 30

/** A class at the door, then one pupil in it: what the teacher sees, and what the pupil sees. */
export async function moderation(ground: Ground, see: See): Promise<void> {
  const server = await ground.server()
  const links = await createRoom(server.origin, 'classe')
  ground.keepSecret(server, links)
  const teacher = await join(ground, server, `${server.origin}${moderatorPath(links)}`, { name: 'Maîtresse Loriot' })
  const pupil = await ground.page()
  await pupil.goto(`${server.origin}${guestPath(links)}`)
  await pupil.click('join')
  await pupil.find('lobby-waiting')
  await see('40-waiting', pupil)
  const others = await Promise.all(Array.from({ length: WAITING - 1 }, (_, i) => wait(server.origin, links, `Élève ${i + 1}`)))
  ground.afterwards(() => {
    for (const socket of others) socket.terminate()
  })
  await teacher.findSelector(`.lobby-list li:nth-child(${WAITING})`)
  await see('41-lobby-thirty', teacher)
  await teacher.click('lobby-fold')
  await see('42-lobby-folded', teacher)
  await teacher.click('lobby-fold')
  await teacher.click('lobby-admit')
  await selfIdOf(pupil)
  for (const socket of others) socket.terminate()
  await untilCount(teacher, 2)
  await turnMicrophoneOn(pupil)
  await teacher.click('people')
  await teacher.find('mute-one')
  await teacher.click('person-menu')
  await see('43-person-menu', teacher)
  await teacher.click('invite-camera')
  await pupil.find('invitation')
  await see('44-invitation', pupil)
  await pupil.click('invitation-later')
  await teacher.click('mute-one')
  await pupil.find('news')
  await pupil.click('screen-toggle')
  await see('45-stopped-and-forbidden', pupil)
  await teacher.click('person-menu')
  await teacher.click('eject')
  await see('46-eject', teacher)
  await teacher.click('eject-cancel')
  await teacher.click('person-menu')
  await teacher.click('report')
  await teacher.find('incident-nobody')
  await see('46-incident', teacher)
  await teacher.click('incident-close')
  await openRules(teacher)
  await see('47-rules', teacher)
  await openRules(pupil)
  await see('48-own-rights', pupil)
  await teacher.click('panel-close')
  await teacher.click('intrusion')
  await see('49-intrusion', teacher)
  await teacher.click('intruder')
  await teacher.find('new-link')
  await see('50-intrusion-done', teacher)
  await pupil.find('left-page')
  await see('51-put-out', pupil)
  await teacher.close()
  await pupil.close()
}

async function openRules(page: TestPage): Promise<void> {
  await page.click('more')
  await page.click('rules')
  await page.findSelector('.rules-panel')
}

async function wait(origin: string, links: { room: string; guestSecret: string }, displayName: string) {
  const { room, guestSecret } = links
  const message = { type: 'join', protocolVersion: 2, room, proof: proofOf(guestSecret), resume: null, displayName }
  return (await firstAnswer(origin, message)).socket
}

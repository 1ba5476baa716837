// A recording, from the question to whoever looks at it later.

import { askToRecord, join, turnCameraOn, turnMicrophoneOn } from './rig/call.ts'
import { guestPath, moderatorPath } from './rig/link.ts'
import { untilReceives } from './rig/media.ts'
import { describe, recordingOf, untilPictureMoves } from './rig/recordings.ts'
import type { Ground } from './rig/rule.ts'
import { until } from './rig/until.ts'
import type { See } from './screens.test.ts'

/** What is recorded, and for whom. */
const TERMS = { details: 'Révision du chapitre sur le cycle de l’eau', audience: 'La classe de 5e C et sa professeure' }

/** Some seconds of a meeting are recorded; then the page of recordings and its player. */
export async function recordings(ground: Ground, see: See): Promise<void> {
  const { server, links } = await ground.serverWithRoom({ recording: true })
  const page = `${server.origin}/recordings#v1m.${links.room}.${links.moderatorSecret}`
  const teacher = await join(ground, server, `${server.origin}${moderatorPath(links)}`, { name: 'Maîtresse Loriot' })
  const pupil = await join(ground, server, `${server.origin}${guestPath(links)}`, { name: 'Zoé Quetzal' })
  await turnMicrophoneOn(teacher)
  await turnMicrophoneOn(pupil)
  await turnCameraOn(pupil)
  await untilReceives(teacher, pupil, 'camera')
  await teacher.click('more')
  await teacher.click('record-start')
  await teacher.find('record-purpose')
  await see('70-record-terms', teacher)
  await teacher.click('record-cancel')
  await askToRecord(teacher, TERMS)
  await pupil.find('consent-banner')
  await see('71-consent', pupil)
  for (const each of [teacher, pupil]) {
    await each.click('consent-accept')
    await each.untilAttribute('recording-own', 'data-recorded', 'true')
  }
  await see('71-recorded', pupil)
  const id = await recordingOf(server, links)
  const tracks = () => describe(server, links, id).then((it) => it.tracks)
  await until('some seconds of both are kept', async () => (await tracks()).filter(({ segments }) => segments.length > 1).length > 2, 40_000, tracks)
  await teacher.click('record-stop')
  await teacher.find('recording-ended')
  await see('72-recording-ended', teacher)
  await pupil.close()

  await teacher.goto(page)
  await teacher.find('recording-play')
  await see('73-recordings', teacher)
  await teacher.click('recording-play')
  await teacher.find('recording-verified')
  await untilPictureMoves(teacher)
  await see('74-recording-player', teacher)
  await teacher.click('recording-export')
  await teacher.find('export-done', 60_000)
  await see('75-recording-export', teacher)
  await teacher.click('export-close')
  await teacher.click('recording-grant')
  await teacher.click('grant-make')
  await teacher.find('grant-link')
  await see('76-recording-grant', teacher)
  await teacher.click('grant-close')
  await teacher.click('recording-erase-person')
  await teacher.find('recording-erase-person-confirm')
  await see('77-recording-erase-person', teacher)
  await teacher.raw.keyboard.press('Escape')
  await teacher.click('recording-erase')
  await teacher.click('recording-erase-confirm')
  await teacher.find('recordings-empty')
  await see('78-recordings-empty', teacher)
  await teacher.close()
}

// What people see of end-to-end encryption, each screen once.

import { passPrejoin } from './rig/call.ts'
import { enter, FAIL_UNTIL_RELOADED, localOf, openClass, untilEncrypted } from './rig/encrypted.ts'
import type { Ground } from './rig/rule.ts'
import type { See } from './screens.test.ts'
import { words } from './rig/words.ts'

/** A class with the lock closed, what is behind it, and those who do not get in. */
export async function encryption(ground: Ground, see: See): Promise<void> {
  const { server, teacher, guest } = await openClass(ground)
  const pupil = await enter(ground, server, teacher, guest, 'chromium', 'Zoé Quetzal')
  await untilEncrypted([teacher, pupil], 2)
  await see('60-encrypted-room', teacher)
  await teacher.click('e2ee-lock')
  await teacher.find('e2ee-code')
  await see('61-encryption-card', teacher)
  await teacher.click('e2ee-close')
  await teacher.click('diagnostics-open')
  await teacher.find('e2ee-counters')
  await see('62-encryption-counters', teacher)
  await teacher.click('diagnostics-close')
  await pupil.click('leave')
  await pupil.find('left-page')
  await pupil.close()

  const stopped = await enter(ground, server, teacher, guest, 'chromium', 'Zoé Quetzal', { before: FAIL_UNTIL_RELOADED, ownFault: 'null' })
  await stopped.untilAttribute('e2ee-lock', 'data-state', 'stopped', 30_000)
  await see('63-encryption-stopped', stopped)
  await stopped.click('e2ee-lock')
  await stopped.find('e2ee-close')
  await see('63-encryption-stopped-card', stopped)
  await stopped.close()

  const old = await ground.page('chromium', { before: 'delete globalThis.RTCRtpScriptTransform' })
  await old.goto(localOf(server, guest))
  await old.untilAttribute('error-message', 'data-problem', 'encryption_no_frames')
  await see('64-browser-without-encryption', old)
  await old.close()

  const { guestLink, server: plain } = await ground.serverWithRoom()
  const visitor = await ground.page()
  await visitor.goto(guestLink)
  await visitor.find('prejoin-encryption')
  await see('65-prejoin-unencrypted', visitor)
  await passPrejoin(visitor, plain)
  await visitor.click('e2ee-none')
  await visitor.untilText(words('fr', 'e2ee.card.none'))
  await see('66-unencrypted-card', visitor)
  await visitor.close()
}

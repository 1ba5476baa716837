import { confirm, join, shareScreen, turnCameraOn, untilAsksFirst } from './rig/call.ts'
import { untilReceives } from './rig/media.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

rule('r16_chromium_shares_its_screen_beside_the_camera_after_a_reminder', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const sharer = await join(ground, server, guestLink, { name: 'Zoé Quetzal' })
  const other = await join(ground, server, guestLink, { name: 'Anselme Ibis' })
  const fox = await join(ground, server, guestLink, { name: 'Ulysse Pinson', engine: 'firefox' })
  await turnCameraOn(sharer)

  await sharer.click('screen-toggle')
  await untilAsksFirst(sharer, 'screen', words('fr', 'screen.remindClose'))
  await confirm(sharer, 'screen')
  await sharer.untilText(words('fr', 'screen.sharing'))
  for (const page of [other, fox]) {
    await untilReceives(page, sharer, 'screen')
    await untilReceives(page, sharer, 'camera')
  }

  await sharer.click('screen-stop')
  await sharer.untilAttribute('screen-toggle', 'aria-pressed', 'false')
  await until('only the camera is still open', async () => {
    const { tracks } = await sharer.holdings()
    return tracks.filter((track) => track === 'video:live').length === 1
  })
  await untilReceives(fox, sharer, 'camera')
})

rule('r16_firefox_shares_its_screen', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const fox = await join(ground, server, guestLink, { name: 'Ulysse Pinson', engine: 'firefox' })
  const other = await join(ground, server, guestLink, { name: 'Zoé Quetzal' })
  await shareScreen(fox)
  await untilReceives(other, fox, 'screen')
  await fox.click('screen-stop')
  await fox.untilAttribute('screen-toggle', 'aria-pressed', 'false')
  await until('the screen is released', async () => (await fox.holdings()).tracks.every((track) => track.endsWith(':ended')))
})

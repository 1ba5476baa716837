import assert from 'node:assert/strict'
import { join, turnCameraOn, turnMicrophoneOn, untilConnected, untilConnection, untilCount } from './rig/call.ts'
import { figure } from './rig/figures.ts'
import { guestPath } from './rig/link.ts'
import { selfIdOf, untilAllFlow, untilReceives } from './rig/media.ts'
import { CutableRoad } from './rig/proxy.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'

for (const engine of ['chromium', 'firefox'] as const) {
  rule(`a_reload_in_${engine}_gives_the_same_participant_back_with_devices_off`, async (ground) => {
    const { server, guestLink } = await ground.serverWithRoom()
    const other = await join(ground, server, guestLink, { name: 'Anselme Ibis' })
    await turnCameraOn(other)
    const page = await join(ground, server, guestLink, { name: 'Zoé Quetzal', engine })
    await turnMicrophoneOn(page)
    await turnCameraOn(page)
    await untilReceives(other, page, 'camera')
    const before = await selfIdOf(page)

    await page.raw.reload()
    await page.find('participant-count')
    assert.equal(await selfIdOf(page), before)
    assert.equal(await page.attribute('mic-toggle', 'aria-pressed'), 'false')
    assert.equal(await page.attribute('camera-toggle', 'aria-pressed'), 'false')
    assert.equal((await page.holdings()).userMediaCalls, 0)
    await untilReceives(page, other, 'camera')
    await untilCount(other, 2)
    await until(
      'the other sees the same participant',
      async () => (await other.tiles()).some((tile) => tile.participant === before && tile.name === 'Zoé Quetzal'),
      15_000,
      () => other.tiles(),
    )

    await turnCameraOn(page)
    await untilReceives(other, page, 'camera')
  })
}

rule('a_server_restart_brings_everybody_back_by_themselves_with_media', async (ground) => {
  ground.expectsNetworkErrors = true
  const { server, guestLink } = await ground.serverWithRoom()
  const pages = [
    await join(ground, server, guestLink, { name: 'Zoé Quetzal' }),
    await join(ground, server, guestLink, { name: 'Anselme Ibis' }),
    await join(ground, server, guestLink, { name: 'Ulysse Pinson', engine: 'firefox' }),
  ]
  for (const page of pages) {
    await turnMicrophoneOn(page)
    await turnCameraOn(page)
  }
  await untilAllFlow(pages)
  const before = await Promise.all(pages.map(selfIdOf))

  const stopMs = await server.stop()
  assert.ok(stopMs <= 3_000, `the server stopped in ${stopMs.toFixed(0)} ms`)
  for (const page of pages) await untilConnection(page, 'server_restarting')
  await server.run()
  for (const page of pages) await untilConnected(page)
  assert.deepEqual(await Promise.all(pages.map(selfIdOf)), before)
  await untilAllFlow(pages)
  for (const page of pages) await untilCount(page, 3)

  const late = await join(ground, server, guestLink, { name: 'Bertille Harfang' })
  await untilCount(late, 4)
})

rule('a_server_that_drains_says_until_when_and_lets_the_meeting_go_on', async (ground) => {
  ground.expectsNetworkErrors = true
  const { server, links, guestLink } = await ground.serverWithRoom({ drainMax: 30 })
  const pages = [
    await join(ground, server, guestLink, { name: 'Zoé Quetzal' }),
    await join(ground, server, guestLink, { name: 'Ulysse Pinson', engine: 'firefox' }),
  ]
  for (const page of pages) {
    await turnMicrophoneOn(page)
    await turnCameraOn(page)
  }
  await untilAllFlow(pages)
  const before = await Promise.all(pages.map(selfIdOf))

  server.drain()
  for (const page of pages) {
    const said = await page.text('restart-notice')
    assert.match(said, /\d{1,2}:\d{2}/, said)
  }
  // The meeting goes on, and whoever belongs to it still comes in; another one does not begin.
  const late = await join(ground, server, guestLink, { name: 'Anselme Ibis' })
  await late.find('restart-notice')
  for (const page of pages) await untilCount(page, 3)
  await untilAllFlow(pages)
  const refused = await ground.page('chromium')
  await refused.goto(server.origin)
  await refused.click('create-room')
  await refused.untilAttribute('error-message', 'data-problem', 'restarting')

  await server.stop()
  for (const page of pages) await untilConnection(page, 'server_restarting')
  const began = performance.now()
  await server.run()
  for (const page of [...pages, late]) await untilConnected(page)
  figure(`everybody back after a restart: ${(performance.now() - began).toFixed(0)} ms from the start of the server`)
  assert.deepEqual(await Promise.all(pages.map(selfIdOf)), before)
  for (const page of pages) assert.equal(await page.has('restart-notice'), false)
  await untilAllFlow(pages)
  const newcomer = await join(ground, server, `${server.origin}${guestPath(links)}`, { name: 'Bertille Harfang' })
  await untilCount(newcomer, 4)
})

rule('media_flows_on_while_signaling_is_cut_and_the_session_resumes', async (ground) => {
  ground.expectsNetworkErrors = true
  const { server, links, guestLink } = await ground.serverWithRoom()
  const other = await join(ground, server, guestLink, { name: 'Anselme Ibis' })
  const road = await CutableRoad.open(server.ports.http)
  ground.afterwards(() => road.close())
  const page = await join(ground, server, `http://localhost:${road.port}${guestPath(links)}`, { name: 'Zoé Quetzal' })
  for (const each of [page, other]) {
    await turnMicrophoneOn(each)
    await turnCameraOn(each)
  }
  await untilAllFlow([page, other])
  const before = await selfIdOf(page)

  road.cut()
  await untilConnection(page, 'reconnecting')
  await untilAllFlow([page, other])
  await untilConnection(page, 'reconnecting')
  road.mend()
  await untilConnected(page)
  await until('the session was resumed', () => page.evaluate<boolean>('__rig.resumed === true'))
  assert.equal(await selfIdOf(page), before)
  await untilCount(other, 2)
  await untilAllFlow([page, other])
  assert.equal(await page.evaluate('__rig.connections.length'), 1, 'the media connection is still the first')
}, { order: 'beside' })

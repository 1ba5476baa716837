import assert from 'node:assert/strict'
import { join, turnCameraOn, turnMicrophoneOn, untilConnected } from './rig/call.ts'
import { figure } from './rig/figures.ts'
import { createRoom, guestPath } from './rig/link.ts'
import { selfIdOf, untilAllFlow } from './rig/media.ts'
import { OWN_ROAD, TwoRoads } from './rig/roads.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'

/** Far above a healthy change, so that only a broken one fails here; the figure tells the rest. */
const SANE_MS = 15_000

/** Longer than a page takes to count on a flow. */
const STEADY_MS = 3_500

for (const engine of ['chromium', 'firefox'] as const) {
  rule(`media_goes_on_when_the_network_changes_under_${engine}`, async (ground) => {
    ground.expectsNetworkErrors = true
    const roads = TwoRoads.create()
    ground.afterwards(() => roads.remove())
    const server = await ground.server({ namespace: roads })
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    const links = await createRoom(server.httpsOrigin).finally(() => {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    })
    ground.keepSecret(server, links)
    const path = guestPath(links)
    const mover = await join(ground, server, `${server.httpsOrigin}${path}`, { engine, before: OWN_ROAD })
    const stayer = await join(ground, server, `https://${roads.lastingAddress}:${server.ports.https}${path}`, { before: OWN_ROAD })
    const pages = [mover, stayer]
    for (const page of pages) {
      await turnMicrophoneOn(page)
      await turnCameraOn(page)
    }
    await untilAllFlow(pages)
    const before = await Promise.all(pages.map(selfIdOf))
    for (const page of pages) await page.evaluate('__rig.watchFlow()')
    // A page that has just begun to send or receive expects silence: first a meeting that goes on.
    await until('a steady flow', async () => (await mover.evaluate<number>('__rig.flowedFor()')) > STEADY_MS)
    for (const page of pages) await page.evaluate('__rig.watchFlow()')

    roads.cutFirst()
    await untilAllFlow(pages)
    await untilConnected(mover)
    const [received, sent] = await Promise.all(pages.map((page) => page.evaluate<number>('__rig.longestSilence()')))
    assert.ok(received !== undefined && sent !== undefined && Math.max(received, sent) < SANE_MS)
    figure(`network change under ${engine}: received again after ${received.toFixed(0)} ms, sent again after ${sent.toFixed(0)} ms`)
    assert.deepEqual(await Promise.all(pages.map(selfIdOf)), before, 'the same participants')
    const { connections } = await mover.holdings()
    assert.equal(connections.length, 1, 'the same connection')

    roads.mendFirst()
    await until('media flows', () => untilAllFlow(pages).then(() => true))
  }, { order: 'alone' })
}

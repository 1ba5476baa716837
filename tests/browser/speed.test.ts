import assert from 'node:assert/strict'
import { join, turnCameraOn, turnMicrophoneOn } from './rig/call.ts'
import { figure, percentile } from './rig/figures.ts'
import { createRoom, encryptedPaths } from './rig/link.ts'
import { rule, turns } from './rig/rule.ts'
import { until } from './rig/until.ts'

/** Into each of the two rooms. */
const JOINS = turns(20, 3)

/** Far above any healthy join, so that only a broken one fails here; the figures tell the rest. */
const SANE_MS = 10_000

rule('the_first_remote_picture_comes_soon_after_the_click_on_join', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const flags = { open: true, raw: false }
  const links = await createRoom(server.origin, 'reunion', flags)
  ground.keepSecret(server, links)
  const rooms = [
    { what: 'first remote frame', link: guestLink, delays: [] as number[] },
    { what: 'first decrypted remote frame', link: `${server.origin}${encryptedPaths(links, flags).guest}`, delays: [] as number[] },
  ]
  for (const { link } of rooms) {
    const sender = await join(ground, server, link, { name: 'Anselme Ibis' })
    await turnMicrophoneOn(sender)
    await turnCameraOn(sender)
  }
  // In turns, so that what else the machine does meets both alike.
  for (let i = 0; i < JOINS; i += 1) {
    for (const { link, delays } of rooms) {
      const page = await ground.page()
      await page.goto(link)
      await page.find('join')
      await page.evaluate(`__rig.armFirstFrame('join')`)
      await page.click('join')
      delays.push(await until('a first frame', () => page.evaluate<number | null>('__rig.firstFrameDelay()'), SANE_MS))
      await page.click('leave')
      await page.find('left-page')
      await page.close()
    }
  }
  for (const { what, delays } of rooms) {
    const [p50, p95] = [percentile(delays, 0.5), percentile(delays, 0.95)]
    figure(`click on join to ${what}, ${JOINS} joins: p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms`)
    assert.ok(p95 < SANE_MS)
  }
}, { order: 'alone', deadlineMs: 240_000 })

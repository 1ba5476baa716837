import assert from 'node:assert/strict'
import { join, turnCameraOn, turnMicrophoneOn, untilCount, untilNames } from './rig/call.ts'
import { figure } from './rig/figures.ts'
import { untilAllFlow, untilTilePlays } from './rig/media.ts'
import type { TestPage } from './rig/page.ts'
import { rule, turns } from './rig/rule.ts'
import { until } from './rig/until.ts'

/** What a figure is taken over. Lower: the ticks in which the kernel counts time show through. */
const MEASURED_PACKETS = turns(3_000, 600)

const CLASS = [
  { engine: 'chromium', name: 'Zoé Quetzal' },
  { engine: 'chromium', name: 'Anselme Ibis' },
  { engine: 'chromium', name: 'Bertille Harfang' },
  { engine: 'firefox', name: 'Ulysse Pinson' },
] as const

rule('r05_r11_a_class_of_three_chromium_and_one_firefox_sees_and_hears_each_other', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const pages: TestPage[] = []
  for (const who of CLASS) pages.push(await join(ground, server, guestLink, who))

  for (const page of pages) {
    await untilCount(page, CLASS.length)
    await untilNames(page, CLASS.map((who) => who.name))
    assert.equal(await page.attribute('mic-toggle', 'aria-pressed'), 'false')
    assert.equal(await page.attribute('camera-toggle', 'aria-pressed'), 'false')
    assert.equal(await page.attribute('screen-toggle', 'aria-pressed'), 'false')
    const { userMediaCalls, displayMediaCalls, tracks, senders } = await page.holdings()
    assert.deepEqual({ userMediaCalls, displayMediaCalls, tracks }, { userMediaCalls: 0, displayMediaCalls: 0, tracks: [] })
    assert.ok(senders.every((count) => count === 0), 'no sender has a track')
  }

  for (const page of pages) {
    await turnMicrophoneOn(page)
    await turnCameraOn(page)
  }
  await untilAllFlow(pages, ['camera', 'microphone'], 40_000)
  for (const page of pages) {
    for (const other of pages) {
      if (other !== page) await untilTilePlays(page, other)
    }
  }
  // Nobody else's click opened a device here.
  for (const page of pages) assert.equal((await page.holdings()).userMediaCalls, 2)
}, { order: 'alone' })

rule('the_cost_of_a_forwarded_packet_is_measured_in_a_call_of_three', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  figure(`idle server: ${(server.residentBytes() / 1e6).toFixed(1)} MB resident`)
  const pages: TestPage[] = []
  for (const who of CLASS.slice(0, 3)) {
    const page = await join(ground, server, guestLink, who)
    await turnMicrophoneOn(page)
    await turnCameraOn(page)
    pages.push(page)
  }
  await untilAllFlow(pages)
  const packets = async (): Promise<number> => {
    const arrivals = await Promise.all(pages.map((page) => page.arrivals()))
    return arrivals.flat().reduce((sum, arrival) => sum + arrival.packets, 0)
  }
  const before = { packets: await packets(), cpu: server.cpuSeconds(), at: performance.now() }
  const forwarded = await until(`${MEASURED_PACKETS} more packets`, async () => {
    const more = (await packets()) - before.packets
    return more >= MEASURED_PACKETS && more
  }, 60_000)
  const cpu = server.cpuSeconds() - before.cpu
  const seconds = (performance.now() - before.at) / 1000
  figure(
    `call of three: ${(forwarded / seconds).toFixed(0)} forwarded packets a second, ` +
      `${((cpu / forwarded) * 1e6).toFixed(1)} µs of server processor time each (debug build unless PREAU_BIN says otherwise)`,
  )
}, { order: 'alone' })

import assert from 'node:assert/strict'
import { violations } from './rig/axe.ts'
import { Bot } from './rig/bot.ts'
import { join, turnCameraOn, turnMicrophoneOn, untilCount } from './rig/call.ts'
import type { RoomLinks } from './rig/link.ts'
import { selfIdOf, untilReceives } from './rig/media.ts'
import type { TestPage } from './rig/page.ts'
import { rule, type Ground } from './rig/rule.ts'
import type { PreauServer } from './rig/server.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

const LARGE = { width: 1280, height: 800 }
const PHONE = { width: 390, height: 844 }

/** So many in the room that a tile on a phone is small. */
const CROWD = 14

/** A counter that stands still for so long has stopped. */
const STILL_MS = 1_500

rule('a_tile_that_becomes_small_receives_a_smaller_picture_and_one_on_another_page_none', async (ground) => {
  const { server, links, guestLink } = await ground.serverWithRoom()
  const sender = await join(ground, server, guestLink, { name: 'Zoé Quetzal' })
  await turnCameraOn(sender)
  const viewer = await join(ground, server, guestLink, { name: 'Anselme Ibis', ...LARGE })
  await until('a large picture', async () => ((await widthOf(viewer, sender)) ?? 0) >= 480, 30_000)
  await crowd(ground, server, links)
  await untilCount(viewer, CROWD + 2)
  await viewer.raw.setViewport(PHONE)
  await until('a small picture', async () => ((await widthOf(viewer, sender)) ?? 960) <= 240, 20_000, () => widthOf(viewer, sender))
  await viewer.click('page-next')
  await untilStill('the picture on another page', async () => (await framesOf(viewer, sender)) ?? 0)
  await viewer.click('page-previous')
  await untilReceives(viewer, sender, 'camera')
}, { order: 'beside' })

for (const engine of ['chromium', 'firefox'] as const) {
  rule(`layers_nobody_watches_are_not_sent_by_${engine}`, async (ground) => {
    const { server, links, guestLink } = await ground.serverWithRoom()
    const sender = await join(ground, server, guestLink, { name: 'Zoé Quetzal', engine })
    await turnCameraOn(sender)
    const total = async (): Promise<number> => Object.values(await layersOf(sender)).reduce((sum, packets) => sum + packets, 0)
    await untilStill('a camera nobody watches', total)
    await crowd(ground, server, links)
    const viewer = await join(ground, server, guestLink, { name: 'Anselme Ibis', ...PHONE })
    await untilReceives(viewer, sender, 'camera')
    for (const rid of ['h', 'm']) await untilStill(`layer ${rid}`, async () => (await layersOf(sender))[rid] ?? 0)
    const { l: before = 0 } = await layersOf(sender)
    await until('the small layer goes on', async () => ((await layersOf(sender))['l'] ?? 0) > before)
    await viewer.raw.setViewport({ width: 1600, height: 1100 })
    await sender.raw.reload()
    await sender.find('participant-count')
    await turnCameraOn(sender)
    await untilReceives(viewer, sender, 'camera')
  })

  rule(`a_poor_connection_receives_voices_and_no_cameras_in_${engine}`, async (ground) => {
    const { server, guestLink } = await ground.serverWithRoom()
    const sender = await join(ground, server, guestLink, { name: 'Zoé Quetzal' })
    await turnMicrophoneOn(sender)
    await turnCameraOn(sender)
    const page = await ground.page(engine)
    await page.goto(guestLink)
    await page.click('saving-switch')
    await page.click('join')
    await untilReceives(page, sender, 'microphone')
    await page.untilText(words('fr', 'tile.saving'))
    await untilStill('the camera', async () => (await framesOf(page, sender)) ?? 0)
    assert.equal((await framesOf(page, sender)) ?? 0, 0)

    await page.raw.reload()
    await page.find('participant-count')
    await page.click('diagnostics-open')
    await page.untilAttribute('saving-switch', 'aria-checked', 'true')
    await page.click('saving-switch')
    await page.click('diagnostics-close')
    await untilReceives(page, sender, 'camera')
  })
}

rule('a_picture_that_this_browser_cannot_show_is_told', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const only = (side: 'Sender' | 'Receiver', codec: string): string => `(() => {
    const native = RTCRtp${side}.getCapabilities
    RTCRtp${side}.getCapabilities = (kind) => {
      const found = native.call(RTCRtp${side}, kind)
      return { ...found, codecs: found.codecs.filter(({ mimeType }) => kind === 'audio' || /${codec}|rtx/i.test(mimeType)) }
    }
  })()`
  const sender = await join(ground, server, guestLink, { name: 'Zoé Quetzal', before: only('Sender', 'vp8') })
  await turnCameraOn(sender)
  const viewer = await join(ground, server, guestLink, { name: 'Anselme Ibis', before: only('Receiver', 'vp9') })
  await viewer.untilText(words('fr', 'tile.unplayable'), 30_000)
  assert.equal((await framesOf(viewer, sender)) ?? 0, 0)
  await sender.click('camera-toggle')
  await until('nothing is said of a camera that is off', async () => !(await viewer.has('tile-note')))
}, { order: 'beside' })

rule('whoever_speaks_is_marked_for_everybody_and_for_themselves', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const speaker = await join(ground, server, guestLink, { name: 'Zoé Quetzal' })
  const other = await join(ground, server, guestLink, { name: 'Ulysse Pinson', engine: 'firefox' })
  await turnMicrophoneOn(speaker)
  const id = await selfIdOf(speaker)
  for (const page of [speaker, other]) {
    await page.findSelector(`[data-testid=tile][data-participant="${id}"][data-speaking=true]`, 20_000)
  }
})

rule('the_numbers_of_a_connection_are_shown_and_copied_without_names', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const sender = await join(ground, server, guestLink, { name: 'Zoé Quetzal' })
  await turnMicrophoneOn(sender)
  await turnCameraOn(sender)
  const page = await join(ground, server, guestLink, { name: 'Anselme Ibis' })
  await untilReceives(page, sender, 'camera')
  await page.click('diagnostics-open')
  await page.untilText('Zoé Quetzal')
  const participant = words('fr', 'diagnostics.participant').replace('{number}', '1')
  // Rates are known from the second look on, and each number when the browser has counted it.
  const said = [/\d+ × \d+, \d+ images\/s \| \d+.* kbit\/s \| VP8/, /Aller-retour des messages \| \d+.ms/]
  const report = await until('a report with a picture', async () => {
    const text = await page.text('diagnostics-report')
    return text.includes(`${participant} | `) && said.every((pattern) => pattern.test(text)) && text
  }, 20_000, () => page.text('diagnostics-report'))
  for (const name of ['Zoé', 'Quetzal', 'Anselme', guestLink]) assert.ok(!report.includes(name), name)
  assert.deepEqual(await violations(page), [])
  await page.raw.keyboard.press('Escape')
  await until('it closes', async () => !(await page.has('diagnostics')))
  await until('the focus is back', async () => (await page.evaluate(`document.activeElement.dataset.testid`)) === 'diagnostics-open')
}, { order: 'beside' })

async function crowd(ground: Ground, server: PreauServer, links: RoomLinks): Promise<void> {
  const bots = await Promise.all(Array.from({ length: CROWD }, (_, i) => Bot.join(server.origin, links, `Élève ${i + 1}`)))
  ground.afterwards(() => bots.forEach((bot) => bot.leave()))
}

async function arrivalOf(page: TestPage, sender: TestPage) {
  const id = await selfIdOf(sender)
  return (await page.arrivals()).find(({ participant, source }) => participant === id && source === 'camera')
}

async function widthOf(page: TestPage, sender: TestPage): Promise<number | undefined> {
  return (await arrivalOf(page, sender))?.width
}

async function framesOf(page: TestPage, sender: TestPage): Promise<number | undefined> {
  return (await arrivalOf(page, sender))?.frames
}

function layersOf(page: TestPage): Promise<Record<string, number>> {
  return page.evaluate('__rig.sentLayers()')
}

/** Waits until a counter has stood still for a while. */
async function untilStill(what: string, count: () => Promise<number>): Promise<void> {
  let last = await count()
  let since = performance.now()
  await until(`${what} stands still`, async () => {
    const now = await count()
    if (now !== last) since = performance.now()
    last = now
    return performance.now() - since > STILL_MS
  }, 30_000, () => last)
}

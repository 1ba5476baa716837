import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join, turnCameraOn, turnMicrophoneOn, untilCount } from './rig/call.ts'
import { figure } from './rig/figures.ts'
import { createRoom, guestPath } from './rig/link.ts'
import { selfIdOf, untilReceives } from './rig/media.ts'
import type { Arrival, Sound, TestPage } from './rig/page.ts'
import { PoorNetwork } from './rig/poor-network.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { voice } from './rig/voice.ts'

/** Where the marks can be looked at. */
const FOLDER = new URL('./screenshots/narrow/', import.meta.url).pathname
const NARROW = 'rates = [[0, 300]], delay_ms = 20'
const WORSE = `${NARROW}, loss_percent = 12`
/** Part of the sound that may be missing where pictures had to give way. */
const MOST_LOST = 0.01
/** Sound without a loss after which the path is known, in seconds. */
const SETTLED = 2
/** Sound listened to for the part, in seconds. */
const LISTENED = 12

rule('on_a_narrow_path_pictures_give_way_and_sound_stays_until_there_is_room_again', async (ground) => {
  const network = await PoorNetwork.create()
  ground.afterwards(() => network.remove())
  const server = await ground.server({ namespace: network })
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  const links = await createRoom(server.httpsOrigin).finally(() => {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  })
  ground.keepSecret(server, links)
  const link = `${server.httpsOrigin}${guestPath(links)}`
  const sender = await join(ground, server, link, { name: 'Zoé Quetzal', before: voice(1) })
  await turnMicrophoneOn(sender)
  await turnCameraOn(sender)
  const viewer = await join(ground, server, link, { name: 'Anselme Ibis' })
  await untilCount(viewer, 2)
  await untilReceives(viewer, sender, 'microphone')
  const width = async (): Promise<number> => (await cameraOf(viewer, sender))?.width ?? 0
  await until('a large picture', async () => (await width()) >= 960, 40_000, width)

  await network.change('out', NARROW)
  await until('the picture gives way', async () => (await width()) < 960 || (await viewer.has('tile-note')), 30_000, width)
  // What the narrower path had no room for in the first moments is lost to sound as well.
  let earlier = await viewer.soundReceived()
  const before = await until('no more sound is lost', async () => {
    const now = await viewer.soundReceived()
    if (now.seconds - earlier.seconds < SETTLED) return false
    const isSettled = now.lost === earlier.lost
    earlier = now
    return isSettled && now
  }, 20_000)
  const after = await until('enough sound', async () => {
    const now = await viewer.soundReceived()
    return now.seconds - before.seconds >= LISTENED && now
  }, 60_000)
  const lost = (after.lost - before.lost) / (after.packets + after.lost - before.packets - before.lost)
  const concealed = share(before, after)
  figure(
    `300 kbit/s down: ${(lost * 100).toFixed(2)} % of the packets of sound lost, ${(concealed * 100).toFixed(2)} % of it made up, ` +
      `over ${(after.seconds - before.seconds).toFixed(0)} s; the picture ${await width()} wide`,
  )
  assert.ok(lost <= MOST_LOST, `${(lost * 100).toFixed(2)} % lost`)

  await network.change('out', WORSE)
  await sender.findSelector('[data-testid=quality]', 40_000)
  mkdirSync(FOLDER, { recursive: true })
  for (const [size, viewport] of Object.entries({ desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } })) {
    await sender.raw.setViewport(viewport)
    const quality = await sender.evaluate<string>(`document.querySelector('[data-testid=quality]')?.dataset.quality ?? 'none'`)
    await sender.screenshot(`${FOLDER}${size}-${quality}.png`)
  }

  await network.change('out', 'delay_ms = 20')
  await until('the large picture is back', async () => (await width()) >= 960, 60_000, width)
  await untilReceives(viewer, sender, 'camera')
  await until('the mark is gone', async () => !(await sender.has('quality')), 40_000)
}, { order: 'alone', deadlineMs: 240_000 })

function share(before: Sound, after: Sound): number {
  return (after.concealed - before.concealed) / (after.seconds - before.seconds)
}

async function cameraOf(page: TestPage, sender: TestPage): Promise<Arrival | undefined> {
  const id = await selfIdOf(sender)
  return (await page.arrivals()).find(({ participant, source }) => participant === id && source === 'camera')
}

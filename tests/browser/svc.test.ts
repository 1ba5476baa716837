import assert from 'node:assert/strict'
import { join, turnCameraOn, untilCount } from './rig/call.ts'
import { figure } from './rig/figures.ts'
import { selfIdOf, untilReceives } from './rig/media.ts'
import type { Arrival, Encoding, TestPage } from './rig/page.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'

/** So large that one of three tiles is worth the whole picture. */
const LARGE = { width: 1900, height: 1100 }
/** So small that a tile is worth a quarter of it. */
const SMALL = { width: 320, height: 568 }

/** What a camera sends, wide. */
const FULL = 960
/** Changes of size of this rule, each of which needs a key frame, and as many again for the joins. */
const MOST_KEY_FRAMES = 24
/** Seconds of standing pictures that a busy machine may cause. */
const MOST_FROZEN = 2

for (const [codec, other] of [
  ['vp9', 'chromium'],
  ['av1', 'chromium'],
  ['vp9', 'firefox'],
] as const) {
  rule(`a_camera_in_${codec}_layers_gives_each_in_${other}_the_size_it_shows`, async (ground) => {
    const { server, guestLink } = await ground.serverWithRoom({ cameraCodec: codec })
    const sender = await join(ground, server, guestLink, { name: 'Zoé Quetzal' })
    await turnCameraOn(sender)
    const large = await join(ground, server, guestLink, { name: 'Anselme Ibis', ...LARGE })
    const small = await join(ground, server, guestLink, { name: 'Ulysse Pinson', engine: other, ...SMALL })
    await untilCount(sender, 3)

    const untilWidths = async (here: number, there: number): Promise<void> => {
      const widths = async (): Promise<(number | undefined)[]> => [(await arrivalOf(large, sender))?.width, (await arrivalOf(small, sender))?.width]
      await until(`widths ${here} and ${there}`, async () => (await widths()).join() === `${here},${there}`, 30_000, widths)
      await untilReceives(large, sender, 'camera')
      await untilReceives(small, sender, 'camera')
    }
    const untilMode = (mode: string): Promise<Encoding> =>
      until(`${mode} is sent`, async () => (await sender.encodings()).find((one) => one.mode === mode && one.width > 0), 20_000, () => sender.encodings())

    await untilWidths(FULL, FULL / 4)
    const whole = await untilMode('L3T3_KEY')
    assert.equal(whole.codec?.toLowerCase(), `video/${codec}`)
    await small.raw.setViewport(LARGE)
    await untilWidths(FULL, FULL)
    await small.raw.setViewport(SMALL)
    await untilWidths(FULL, FULL / 4)
    // What nobody watches is not sent.
    await large.raw.setViewport(SMALL)
    await untilWidths(FULL / 4, FULL / 4)
    await untilMode('L1T3')
    await large.raw.setViewport(LARGE)
    await untilWidths(FULL, FULL / 4)
    const { keyFrames, frames } = await untilMode('L3T3_KEY')

    const arrivals = await Promise.all([large, small].map(async (page) => arrivalOf(page, sender)))
    figure(
      `camera in ${codec} layers, received by chromium and ${other}: ${keyFrames} key frames of ${frames}, ` +
        `asked for ${arrivals.map((one) => one?.requests).join(' and ')} times, ` +
        `standing ${arrivals.map((one) => one?.frozen.toFixed(1)).join(' and ')} s`,
    )
    assert.ok(keyFrames <= MOST_KEY_FRAMES, `${keyFrames} key frames`)
    for (const arrival of arrivals) assert.ok(arrival !== undefined && arrival.frozen < MOST_FROZEN, JSON.stringify(arrival))
  }, { order: 'alone' })
}

async function arrivalOf(page: TestPage, sender: TestPage): Promise<Arrival | undefined> {
  const id = await selfIdOf(sender)
  return (await page.arrivals()).find(({ participant, source }) => participant === id && source === 'camera')
}

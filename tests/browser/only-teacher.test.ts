import assert from 'node:assert/strict'
import { confirm, hold, join } from './rig/call.ts'
import { moderatorPath } from './rig/link.ts'
import { untilReceives } from './rig/media.ts'
import type { TestPage } from './rig/page.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

/** Packets the teacher has to receive for silence elsewhere to mean something. */
const MANY = 60

rule('a_pupil_whom_the_teacher_alone_sees_sends_no_packet_to_another_pupil', async (ground) => {
  const { server, links, guestLink } = await ground.serverWithRoom()
  const teacher = await join(ground, server, `${server.origin}${moderatorPath(links)}`)
  const pupil = await join(ground, server, guestLink)
  const other = await join(ground, server, guestLink)

  await hold(pupil, 'camera', words('fr', 'camera.waiting'))
  await pupil.click('only-teacher')
  await pupil.untilAttribute('only-teacher', 'aria-checked', 'true')
  await confirm(pupil, 'camera')
  await pupil.find('tile-private')
  await untilReceives(teacher, pupil, 'camera')
  await untilMore(teacher, MANY)
  assert.equal(await other.picturePackets(), 0)
  assert.equal(await camera(other, pupil), 'off')

  await choose(pupil)
  await untilReceives(other, pupil, 'camera')
  assert.equal(await pupil.has('tile-private'), false)

  // While it is on, and to whoever was receiving it.
  await choose(pupil)
  await until('the other pupil is told', async () => (await camera(other, pupil)) === 'off')
  // What was on its way when the choice was made.
  await untilMore(teacher, MANY)
  const before = await other.picturePackets()
  await untilMore(teacher, MANY)
  assert.equal(await other.picturePackets(), before)
  assert.equal((await pupil.holdings()).userMediaCalls, 1)
}, { order: 'beside' })

async function choose(page: TestPage): Promise<void> {
  await page.click('more')
  await page.click('only-teacher')
}

async function camera(page: TestPage, of: TestPage): Promise<string | null> {
  const id = await of.selfId()
  return page.evaluate(`document.querySelector('[data-testid=tile][data-participant="${String(id)}"]')?.dataset.camera ?? null`)
}

async function untilMore(page: TestPage, packets: number): Promise<void> {
  const from = await page.picturePackets()
  await until(`${packets} more packets`, async () => (await page.picturePackets()) - from >= packets, 20_000)
}

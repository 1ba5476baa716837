// What goes wrong on one machine of an encrypted room: it comes back by itself or is told what to do, and
// nobody else's call is disturbed.

import assert from 'node:assert/strict'
import { passPrejoin, turnCameraOn, turnMicrophoneOn, untilConnected, untilCount, untilNames } from './rig/call.ts'
import { come, counted, endWorker, FAIL_UNTIL_RELOADED, localOf, lockSaid, type Opened, openRoom, untilEncrypted, watchLock } from './rig/encrypted.ts'
import { selfIdOf, untilReceives } from './rig/media.ts'
import type { TestPage } from './rig/page.ts'
import { Renderer } from './rig/processes.ts'
import { type Ground, rule } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

/** How long a tab is frozen. */
const FROZEN_MS = 60_000

/** Within this time media flows again through another worker: one that ended without a word is missed
 * after some looks (`web-client/src/e2ee/frames.ts`). */
const REPLACED_MS = 60_000

rule(
  'e2ee_a_tab_that_was_frozen_for_a_minute_comes_back_by_itself_and_disturbs_nobody',
  async (ground) => {
    const { opened, other, stays } = await meeting(ground)
    const { server, teacher, guest } = opened
    // One by the browser, which lets its connections live; one with all that is in it, as on a machine
    // that sleeps.
    const tab = await come(ground, server, guest, 'Ulysse Pinson')
    const machine = await ground.pageApart()
    await machine.goto(localOf(server, guest))
    await passPrejoin(machine, server, 'Zoé Quetzal')
    await untilEncrypted([teacher, other, tab, machine], 4)
    await turnCameraOn(tab)
    await untilReceives(teacher, tab, 'camera')
    await untilReceives(machine, tab, 'camera')
    const renderer = await Renderer.of(machine)
    ground.afterwards(() => renderer.go())
    renderer.stop()
    await tab.cdp?.send('Page.setWebLifecycleState', { state: 'frozen' })
    const since = performance.now()

    const late = await come(ground, server, guest, 'Tard Venu')
    await untilReceives(late, teacher, 'camera')
    const left = await come(ground, server, guest, 'Bertille Harfang')
    await untilReceives(left, teacher, 'microphone')
    await left.click('leave')
    await left.find('left-page')
    await other.click('chat')
    await other.fill('chat-input', 'Le mot de la minute')
    await other.raw.keyboard.press('Enter')
    await teacher.click('chat')
    await until('the word is read', async () => (await teacher.text('chat-log')).includes('Le mot de la minute'))
    await until('a minute is over', () => performance.now() - since >= FROZEN_MS, FROZEN_MS * 2)
    await stays()

    renderer.go()
    await tab.cdp?.send('Page.setWebLifecycleState', { state: 'active' })
    const all = [teacher, other, tab, machine, late]
    for (const page of all) await untilConnected(page, 60_000)
    await untilEncrypted(all, all.length)
    await turnCameraOn(machine)
    for (const page of [tab, machine]) {
      await untilReceives(page, teacher, 'camera')
      await untilReceives(page, teacher, 'microphone')
      await untilReceives(teacher, page, 'camera')
      await untilNames(page, ['Anselme Ibis', 'Mme Secrète', 'Tard Venu', 'Ulysse Pinson', 'Zoé Quetzal'])
    }
    await stays()
  },
  { order: 'beside', deadlineMs: 300_000 },
)

for (const engine of ['chromium', 'firefox'] as const) {
  rule(
    `e2ee_a_worker_that_fails_or_ends_in_${engine}_is_replaced_and_nothing_goes_out_in_clear`,
    async (ground) => {
      const { opened, other, stays } = await meeting(ground)
      const { server, teacher, guest } = opened
      const pupil = await come(ground, server, guest, 'Zoé Quetzal', engine)
      await untilEncrypted([teacher, other, pupil], 3)
      await turnCameraOn(pupil)
      await turnMicrophoneOn(pupil)
      const flowsAgain = async (): Promise<void> => {
        for (const source of ['camera', 'microphone'] as const) {
          await untilReceives(pupil, teacher, source, REPLACED_MS)
          await untilReceives(teacher, pupil, source, REPLACED_MS)
        }
      }
      await flowsAgain()
      for (const end of ['fails', 'ends'] as const) {
        await endWorker(pupil, end)
        await flowsAgain()
        await untilEncrypted([teacher, other, pupil], 3)
      }
      for (const page of [teacher, other, pupil]) {
        const counts = await counted(page, 2)
        assert.ok(counts.every(({ clear }) => clear === 0), JSON.stringify(counts))
      }
      await stays()
    },
    { order: engine === 'firefox' ? 'in turn' : 'beside', deadlineMs: 240_000 },
  )
}

rule(
  'e2ee_a_worker_that_fails_again_and_again_is_told_with_what_to_do_and_disturbs_nobody',
  async (ground) => {
    const { opened, other, stays } = await meeting(ground)
    const { server, teacher, guest } = opened
    const page = await come(ground, server, guest, 'Zoé Quetzal', 'chromium', { before: FAIL_UNTIL_RELOADED, ownFault: 'null' })
    await page.untilText(words('fr', 'error.encryption_stopped.title'), 30_000)
    await page.untilAttribute('e2ee-lock', 'data-state', 'stopped')
    await turnCameraOn(page)
    await stays()
    const id = await selfIdOf(page)
    const shown = [...(await page.arrivals()), ...(await teacher.arrivals()).filter(({ participant }) => participant === id)]
    assert.ok(shown.every(({ frames, energy }) => frames + energy === 0), JSON.stringify(shown))

    await page.click('problem-reload')
    await page.find('participant-count')
    await untilEncrypted([teacher, other, page], 3)
    await untilReceives(page, teacher, 'camera')
    await stays()
  },
  { order: 'beside', deadlineMs: 150_000 },
)

rule(
  'e2ee_a_tab_that_crashes_comes_back_when_it_is_loaded_anew_and_disturbs_nobody',
  async (ground) => {
    const { opened, other, stays } = await meeting(ground)
    const { server, teacher, guest } = opened
    const pupil = await come(ground, server, guest, 'Zoé Quetzal')
    await untilEncrypted([teacher, other, pupil], 3)
    const renderer = await Renderer.of(pupil)
    const gone = new Promise((resolve) => pupil.raw.once('error', resolve))
    renderer.kill()
    await gone
    // It said nothing before it went: the person is asked whether to go on. Who was there before is
    // taken out with their place.
    await pupil.raw.reload()
    await pupil.click('join')
    await pupil.find('participant-count')
    await untilReceives(pupil, teacher, 'camera')
    await untilCount(teacher, 3, 60_000)
    await untilEncrypted([teacher, other, pupil], 3)
    await untilReceives(pupil, teacher, 'camera')
    await turnCameraOn(pupil)
    await untilReceives(teacher, pupil, 'camera')
    await stays()
  },
  { order: 'beside', deadlineMs: 150_000 },
)

rule(
  'e2ee_whoever_has_a_clock_that_is_off_by_a_day_is_told_and_disturbs_nobody',
  async (ground) => {
    const { opened, other, stays } = await meeting(ground)
    const { server, teacher, guest } = opened
    for (const days of [-1, 1]) {
      const page = await ground.page('chromium', { before: `Date.now = ((now) => () => now() + ${days} * 24 * 3600 * 1000)(Date.now)` })
      await page.goto(localOf(server, guest))
      await page.click('join')
      await page.untilAttribute('error-message', 'data-problem', 'clock_wrong')
      await untilCount(teacher, 2)
      await stays()
    }
    const right = await come(ground, server, guest, 'Zoé Quetzal')
    await untilEncrypted([teacher, other, right], 3)
    await untilReceives(right, teacher, 'camera')
  },
  { order: 'beside', deadlineMs: 150_000 },
)

/** A teacher who shows and says something, and somebody who sees and hears it; `stays` waits until that
 * goes on, and fails where either has seen anything but a closed lock. */
async function meeting(ground: Ground): Promise<{ opened: Opened; other: TestPage; stays: () => Promise<void> }> {
  const opened = await openRoom(ground, 'reunion')
  const { server, teacher, guest } = opened
  const other = await come(ground, server, guest, 'Anselme Ibis')
  await untilEncrypted([teacher, other], 2)
  await turnCameraOn(teacher)
  await turnMicrophoneOn(teacher)
  await untilReceives(other, teacher, 'camera')
  await untilReceives(other, teacher, 'microphone')
  for (const page of [teacher, other]) await watchLock(page)
  const stays = async (): Promise<void> => {
    await untilReceives(other, teacher, 'camera')
    await untilReceives(other, teacher, 'microphone')
    for (const page of [teacher, other]) assert.deepEqual(await lockSaid(page), ['ready'])
  }
  return { opened, other, stays }
}

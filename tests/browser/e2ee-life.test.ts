// What goes on in encrypted rooms: questions, groups, cameras for few, links that are replaced, roles
// that are passed on, lines that are cut.

import assert from 'node:assert/strict'
import { confirm, hold, passPrejoin, turnCameraOn, untilConnected, untilConnection, untilNames } from './rig/call.ts'
import { come, counted, enter, localOf, openClass, openRoom, untilEncrypted } from './rig/encrypted.ts'
import { selfIdOf, untilReceives } from './rig/media.ts'
import type { TestPage } from './rig/page.ts'
import { CutableRoad } from './rig/proxy.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

/** Packets that have to flow elsewhere for silence to mean something. */
const MANY = 60

rule(
  'e2ee_questions_are_answered_without_the_server_reading_either',
  async (ground) => {
    const { server, teacher, guest, talk } = await openRoom(ground, 'reunion')
    const pupils = [await come(ground, server, guest, 'Anselme Ibis'), await come(ground, server, guest, 'Zoé Quetzal', 'firefox')]
    await untilEncrypted([teacher, ...pupils], 3)
    await teacher.click('class')
    await teacher.fill('poll-question', 'Avez-vous compris la leçon secrète ?')
    await teacher.click('poll-yes-no')
    for (const [choice, pupil] of pupils.entries()) {
      await pupil.click('poll-show')
      await pupil.click(`poll-choice-${choice}`)
      await pupil.click('poll-vote')
      await pupil.untilText(words('fr', 'poll.voted'))
    }
    await until('two ballots are counted', async () => (await teacher.text('poll-ballots')).includes('2'))

    // Whoever comes while it is open is told of it by members.
    const late = await come(ground, server, guest, 'Tard Venu')
    await late.click('poll-show')
    await late.untilText('leçon secrète')
    await untilNames(late, ['Mme Secrète', 'Anselme Ibis', 'Zoé Quetzal', 'Tard Venu'])

    await teacher.click('poll-close')
    for (const pupil of pupils) await until('the result is shown', async () => (await pupil.text('poll-result')).includes('1 (50'))
    const told = talk.join('\n')
    assert.ok(told.includes('mls_open_poll') && told.includes('mls_ballots'), 'what was said was seen')
    for (const secret of ['compris', 'leçon', 'Ibis']) assert.ok(!told.includes(secret), `the server read ${secret}`)
  },
  { deadlineMs: 150_000 },
)

rule(
  'e2ee_a_camera_for_the_teacher_alone_and_a_group_are_opened_by_nobody_else',
  async (ground) => {
    const { server, teacher, guest } = await openRoom(ground, 'reunion')
    const pupil = await come(ground, server, guest, 'Zoé Quetzal')
    const other = await come(ground, server, guest, 'Anselme Ibis')
    await untilEncrypted([teacher, pupil, other], 3)
    await hold(pupil, 'camera', words('fr', 'camera.waiting'))
    await pupil.click('only-teacher')
    await pupil.untilAttribute('only-teacher', 'aria-checked', 'true')
    await confirm(pupil, 'camera')
    await untilReceives(teacher, pupil, 'camera')
    await untilMore(teacher, MANY)
    assert.equal(await other.picturePackets(), 0)
    await pupil.click('more')
    await pupil.click('only-teacher')
    await untilReceives(other, pupil, 'camera')

    await teacher.click('class')
    await teacher.clickSelector('[data-testid=groups-by-hand] summary')
    await place(teacher, 'Zoé Quetzal', '0')
    await place(teacher, 'Anselme Ibis', '0')
    await teacher.click('breakouts-open')
    await untilNames(pupil, ['Anselme Ibis', 'Zoé Quetzal'])
    await untilNames(teacher, ['Mme Secrète'])
    await turnCameraOn(other)
    await untilReceives(pupil, other, 'camera')
    await untilReceives(other, pupil, 'camera')
    const before = await teacher.picturePackets()
    await untilMore(other, MANY)
    assert.equal(await teacher.picturePackets(), before)
    await teacher.click('breakouts-close')
    await untilReceives(teacher, other, 'camera')
    await untilReceives(teacher, pupil, 'camera')
  },
  { order: 'beside', deadlineMs: 180_000 },
)

rule(
  'e2ee_a_replaced_link_takes_along_those_who_are_here_and_nobody_else',
  async (ground) => {
    const { server, teacher, guest } = await openRoom(ground, 'reunion')
    const pupil = await come(ground, server, guest, 'Zoé Quetzal')
    await untilEncrypted([teacher, pupil], 2)
    const before = await hashOf(pupil)
    await teacher.click('more')
    await teacher.click('invite')
    await teacher.click('rotate-link')
    await teacher.untilText(words('fr', 'links.rotated'))
    await until('the page has the new link', async () => (await hashOf(pupil)) !== before)
    const renewed = `${server.origin}${new URL(guest).pathname}${await hashOf(pupil)}`
    await teacher.click('links-close')
    await turnCameraOn(teacher)

    const late = await come(ground, server, renewed, 'Tard Venu', 'firefox')
    await untilEncrypted([teacher, pupil, late], 3)
    await untilReceives(late, teacher, 'camera')
    const id = await selfIdOf(pupil)
    await pupil.raw.reload()
    await pupil.find('participant-count')
    assert.equal(await selfIdOf(pupil), id)
    await untilEncrypted([teacher, pupil, late], 3)
    await untilReceives(pupil, teacher, 'camera')

    const old = await ground.page()
    await old.goto(localOf(server, guest))
    await old.click('join')
    await old.untilAttribute('error-message', 'data-problem', 'join_refused')
  },
  { deadlineMs: 180_000 },
)

rule(
  'e2ee_a_restart_of_the_server_brings_everybody_back_with_new_keys',
  async (ground) => {
    ground.expectsNetworkErrors = true
    const { server, teacher, guest } = await openClass(ground)
    const pupil = await enter(ground, server, teacher, guest, 'firefox', 'Zoé Quetzal')
    await untilEncrypted([teacher, pupil], 2)
    await turnCameraOn(teacher)
    await turnCameraOn(pupil)
    await untilReceives(pupil, teacher, 'camera')
    await server.stop()
    for (const page of [teacher, pupil]) await untilConnection(page, 'server_restarting')
    await server.run()
    for (const page of [teacher, pupil]) await untilConnected(page)
    await untilEncrypted([teacher, pupil], 2)
    await untilReceives(pupil, teacher, 'camera')
    await untilReceives(teacher, pupil, 'camera')
    await untilNames(pupil, ['Mme Secrète', 'Zoé Quetzal'])
  },
  { deadlineMs: 180_000 },
)

rule(
  'e2ee_a_page_that_was_cut_off_catches_up_with_the_keys_it_missed',
  async (ground) => {
    ground.expectsNetworkErrors = true
    const { server, teacher, guest } = await openRoom(ground, 'reunion')
    const road = await CutableRoad.open(Number(new URL(server.origin).port))
    ground.afterwards(() => road.close())
    const { pathname, hash } = new URL(guest)
    const pupil = await ground.page()
    await pupil.goto(`http://localhost:${road.port}${pathname}${hash}`)
    await passPrejoin(pupil, server, 'Zoé Quetzal')
    await untilEncrypted([teacher, pupil], 2)
    await turnCameraOn(teacher)
    await untilReceives(pupil, teacher, 'camera')
    road.cut()
    await untilConnection(pupil, 'reconnecting')
    const late = await come(ground, server, guest, 'Tard Venu')
    await untilEncrypted([late], 3)
    road.mend()
    await untilConnected(pupil)
    await untilEncrypted([teacher, pupil, late], 3)
    await turnCameraOn(late)
    await untilReceives(pupil, late, 'camera')
    await untilReceives(pupil, teacher, 'camera')
    await untilNames(pupil, ['Mme Secrète', 'Tard Venu', 'Zoé Quetzal'])
  },
  { order: 'beside', deadlineMs: 150_000 },
)

rule(
  'e2ee_whoever_was_made_a_moderator_lets_others_in',
  async (ground) => {
    const { server, teacher, guest } = await openClass(ground)
    const helper = await enter(ground, server, teacher, guest, 'chromium', 'Anselme Ibis')
    await untilEncrypted([teacher, helper], 2)
    const id = await selfIdOf(helper)
    await teacher.click('people')
    await teacher.clickSelector(`.person[data-participant="${id}"] [data-testid=person-menu]`)
    await teacher.click('set-role')
    await helper.untilText(words('fr', 'error.role_given.title'))
    const pupil = await enter(ground, server, helper, guest, 'firefox', 'Zoé Quetzal')
    await untilEncrypted([teacher, helper, pupil], 3)
    await turnCameraOn(helper)
    await untilReceives(pupil, helper, 'camera')
  },
  { deadlineMs: 150_000 },
)

rule(
  'e2ee_a_machine_that_affords_it_sends_its_camera_in_vp9_of_which_nothing_is_seen',
  async (ground) => {
    const fast = `MediaCapabilities.prototype.encodingInfo = () => Promise.resolve({ supported: true, smooth: true, powerEfficient: true })`
    const { server, teacher, guest } = await openRoom(ground, 'reunion', { before: fast })
    const pupil = await come(ground, server, guest, 'Zoé Quetzal', 'firefox')
    const other = await come(ground, server, guest, 'Anselme Ibis')
    await untilEncrypted([teacher, pupil, other], 3)
    await turnCameraOn(teacher)
    for (const page of [pupil, other]) {
      await untilReceives(page, teacher, 'camera')
      const id = await selfIdOf(teacher)
      const codec = async (): Promise<string | null | undefined> => (await page.arrivals()).find(({ participant }) => participant === id)?.codec
      await until('it comes in VP9', async () => /vp9/i.test((await codec()) ?? ''), 15_000, codec)
      await untilReceives(page, teacher, 'camera')
    }
  },
  { deadlineMs: 150_000 },
)

async function place(teacher: TestPage, name: string, group: string): Promise<void> {
  const select = await teacher.findSelector(`[data-testid=group-of][data-name="${name}"]`)
  await select.select(group)
}

function hashOf(page: TestPage): Promise<string> {
  return page.evaluate('location.hash')
}

async function untilMore(page: TestPage, packets: number): Promise<void> {
  const from = await page.picturePackets()
  await until(`${packets} more packets`, async () => (await page.picturePackets()) - from >= packets, 20_000)
}

rule(
  'e2ee_whoever_was_refused_and_tries_again_has_keys_before_anything_is_sent',
  async (ground) => {
    const { server, teacher, guest } = await openRoom(ground, 'reunion')
    await teacher.click('people')
    await teacher.click('lock')
    await teacher.untilAttribute('lock', 'aria-pressed', 'true')
    const pupils = await Promise.all((['chromium', 'firefox'] as const).map((engine) => ground.page(engine)))
    for (const pupil of pupils) {
      await pupil.goto(localOf(server, guest))
      await pupil.click('join')
      await pupil.untilAttribute('error-message', 'data-problem', 'room_locked')
    }
    await teacher.click('lock')
    await teacher.untilAttribute('lock', 'aria-pressed', 'false')
    for (const pupil of pupils) {
      await pupil.click('retry')
      await selfIdOf(pupil)
    }
    const all = [teacher, ...pupils]
    await untilEncrypted(all, 3)
    for (const pupil of pupils) {
      await turnCameraOn(pupil)
      for (const other of all) if (other !== pupil) await untilReceives(other, pupil, 'camera')
    }
    for (const page of all) {
      const counts = await counted(page, page === teacher ? 2 : 1)
      assert.ok(counts.every(({ clear }) => clear === 0), `${page.engine} met pictures in clear`)
    }
  },
  { deadlineMs: 120_000 },
)

import assert from 'node:assert/strict'
import { Bot } from './rig/bot.ts'
import { join, turnCameraOn, untilNames } from './rig/call.ts'
import { figure } from './rig/figures.ts'
import { moderatorPath } from './rig/link.ts'
import { untilReceives } from './rig/media.ts'
import type { TestPage } from './rig/page.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'

const PUPILS = ['Zoé Quetzal', 'Anselme Ibis', 'Bertille Harfang'] as const

/** Packets that have to flow elsewhere for silence to mean something. */
const MANY = 60

rule('groups_see_and_hear_themselves_alone_and_open_no_device_anew', async (ground) => {
  const { server, links, guestLink } = await ground.serverWithRoom()
  const teacher = await join(ground, server, `${server.origin}${moderatorPath(links)}`, { name: 'Maîtresse Loriot' })
  const [zoe, anselme, bertille] = [
    await join(ground, server, guestLink, { name: PUPILS[0] }),
    await join(ground, server, guestLink, { name: PUPILS[1] }),
    await join(ground, server, guestLink, { name: PUPILS[2] }),
  ]
  for (const pupil of [zoe, anselme]) await turnCameraOn(pupil)
  await untilReceives(zoe, anselme, 'camera')
  await untilReceives(bertille, zoe, 'camera')

  await teacher.click('class')
  await teacher.clickSelector('[data-testid=groups-by-hand] summary')
  await place(teacher, PUPILS[0], '0')
  await place(teacher, PUPILS[1], '1')
  await place(teacher, PUPILS[2], '0')
  await teacher.click('breakouts-open')
  await untilNames(zoe, [PUPILS[0], PUPILS[2]])
  await untilNames(anselme, [PUPILS[1]])
  await untilNames(teacher, ['Maîtresse Loriot'])
  assert.match(await zoe.text('group-banner'), /Groupe 1.*Bertille Harfang/)

  // The camera goes on flowing, to the own group only.
  await untilReceives(bertille, zoe, 'camera')
  const before = [await anselme.picturePackets(), await teacher.picturePackets()]
  const from = await bertille.picturePackets()
  await until('the camera flows in its group', async () => (await bertille.picturePackets()) - from >= MANY, 20_000)
  assert.deepEqual([await anselme.picturePackets(), await teacher.picturePackets()], before)

  // To another group, while they are open.
  await place(teacher, PUPILS[1], '0')
  await untilReceives(zoe, anselme, 'camera')
  await untilReceives(anselme, zoe, 'camera')

  // Somebody who comes now is with the whole class, where the teacher sees and places them.
  const late = await Bot.join(server.origin, links, 'Tard Venu')
  ground.afterwards(() => late.leave())
  await teacher.findSelector('[data-testid=group][data-group=null] [data-name="Tard Venu"]')
  await place(teacher, 'Tard Venu', '1')
  await teacher.findSelector('[data-testid=group][data-group="1"] [data-name="Tard Venu"]')

  await teacher.fill('announce-input', 'Encore cinq minutes')
  await teacher.click('announce-send')
  for (const pupil of [zoe, anselme]) assert.match(await pupil.text('announcement'), /Encore cinq minutes/)

  await zoe.click('call-help')
  await teacher.click('help-join')
  await untilNames(teacher, ['Maîtresse Loriot', ...PUPILS])
  await untilReceives(teacher, zoe, 'camera')
  await until('help is there', async () => !(await zoe.has('call-help')))

  await teacher.click('breakouts-close')
  const everybody = ['Maîtresse Loriot', ...PUPILS, 'Tard Venu']
  for (const page of [teacher, zoe, anselme, bertille]) await untilNames(page, everybody)
  await untilReceives(bertille, anselme, 'camera')
  assert.equal(await zoe.has('group-banner'), false)
  for (const pupil of [zoe, anselme]) assert.equal((await pupil.holdings()).userMediaCalls, 1)
  for (const page of [teacher, bertille]) assert.equal((await page.holdings()).userMediaCalls, 0)
}, { order: 'beside' })

rule('thirty_guests_go_into_six_groups_and_back_within_three_seconds', async (ground) => {
  const { server, links, guestLink } = await ground.serverWithRoom()
  const teacher = await join(ground, server, `${server.origin}${moderatorPath(links)}`)
  const pages = [await join(ground, server, guestLink), await join(ground, server, guestLink)]
  const bots = await Promise.all(Array.from({ length: 28 }, (_, n) => Bot.join(server.origin, links, `Élève ${n + 1}`)))
  ground.afterwards(() => {
    for (const bot of bots) bot.leave()
  })
  await teacher.click('class')
  await until('thirty are there', async () => /31/.test(await teacher.text('participant-count')))
  // Eight are proposed for thirty.
  for (let fewer = 0; fewer < 2; fewer += 1) await teacher.click('groups-fewer')
  assert.match(await teacher.text('groups-count'), /6/)

  const there = await untilAllAreTold(teacher, 'breakouts-open', bots, pages, true)
  const groups = await teacher.evaluate<number>(`document.querySelectorAll('[data-testid=group]:not([data-group=null])').length`)
  assert.equal(groups, 6)
  const back = await untilAllAreTold(teacher, 'breakouts-close', bots, pages, false)
  figure(`30 guests into 6 groups: all told after ${there.toFixed(0)} ms; and back: ${back.toFixed(0)} ms (28 sessions and 2 pages that show it)`)
  assert.ok(there < 3_000 && back < 3_000, `${there} ms and ${back} ms`)
}, { order: 'alone' })

/** Clicks, and gives the milliseconds until everybody knows and both pages show it. */
async function untilAllAreTold(teacher: TestPage, button: string, bots: Bot[], pages: TestPage[], inGroups: boolean): Promise<number> {
  await teacher.find(button)
  const from = bots.map(({ heard }) => heard.length)
  const clicked = performance.now()
  await teacher.click(button)
  const shown = pages.map(async (page) => {
    await until('the page shows it', async () => (await page.has('group-banner')) === inGroups)
    return performance.now()
  })
  const told = bots.map((bot, n) =>
    until('everybody is told', () => bot.heard.slice(from[n]).find(({ type }) => type === 'groups_changed')?.at),
  )
  return Math.max(...(await Promise.all([...shown, ...told]))) - clicked
}

/** Chooses a group for somebody, as one does with the keyboard. */
async function place(teacher: TestPage, name: string, group: string): Promise<void> {
  const select = await teacher.findSelector(`[data-testid=group-of][data-name="${name}"]`)
  await select.select(group)
}

import assert from 'node:assert/strict'
import { join, untilCount } from './rig/call.ts'
import { press } from './rig/keyboard.ts'
import { createRoom, guestPath, moderatorPath } from './rig/link.ts'
import { selfIdOf } from './rig/media.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

rule('r09_pupils_wait_knowing_nothing_of_the_room_until_they_are_let_in_or_sent_away', async (ground) => {
  const server = await ground.server()
  const links = await createRoom(server.origin, 'classe')
  ground.keepSecret(server, links)
  const teacher = await ground.page()
  await teacher.goto(`${server.origin}${moderatorPath(links)}`)
  await teacher.click('join')
  await selfIdOf(teacher)

  const pupils = []
  for (const engine of ['chromium', 'firefox', 'chromium'] as const) {
    const pupil = await ground.page(engine)
    await pupil.goto(`${server.origin}${guestPath(links)}`)
    await pupil.click('join')
    await pupil.find('lobby-waiting')
    pupils.push(pupil)
  }
  const [first, second, third] = pupils as [typeof teacher, typeof teacher, typeof teacher]
  const { userMediaCalls, connections } = await first.holdings()
  assert.deepEqual({ userMediaCalls, connections }, { userMediaCalls: 0, connections: [] })
  assert.equal((await first.tiles()).length, 0)

  // A reload keeps the place in the queue.
  await second.raw.reload()
  await second.find('lobby-waiting')
  await until('three wait', async () => (await teacher.evaluate<number>(`document.querySelectorAll('[data-testid=lobby-admit]').length`)) === 3)

  // One after the other by keyboard: the focus goes on to whoever waits next.
  await press(teacher, 'lobby-admit', 'Enter')
  await selfIdOf(first)
  await until('the teacher is seen', async () => (await first.tiles()).length === 2)
  await until('the focus is on the next', () => teacher.evaluate<boolean>(`document.activeElement?.dataset.testid === 'lobby-admit'`))
  await teacher.raw.keyboard.press('Enter')
  await selfIdOf(second)
  await teacher.click('lobby-admit-all')
  await selfIdOf(third)
  await until('all four are seen', async () => (await second.tiles()).length === 4)

  const late = await ground.page()
  await late.goto(`${server.origin}${guestPath(links)}`)
  await late.click('join')
  await late.find('lobby-waiting')
  await teacher.click('lobby-refuse')
  await late.find('left-page')
  await late.untilText(words('fr', 'left.title.entry_refused'))
  assert.equal(await teacher.has('lobby-refuse'), false)
})

const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 }, sideways: { width: 844, height: 390 } }

rule('whoever_waits_is_shown_beside_the_pictures_and_covers_no_name', async (ground) => {
  const server = await ground.server()
  const links = await createRoom(server.origin, 'classe')
  ground.keepSecret(server, links)
  const teacher = await join(ground, server, `${server.origin}${moderatorPath(links)}`, { name: 'Maîtresse Loriot' })
  for (const name of ['Zoé Quetzal', 'Noé Pinson', 'Anselme Ibis']) {
    const pupil = await ground.page()
    await pupil.goto(`${server.origin}${guestPath(links)}`)
    server.forbidInLog(name)
    await pupil.fill('pseudonym', name)
    await pupil.click('join')
    await pupil.find('lobby-waiting')
    if (name !== 'Anselme Ibis') await teacher.click('lobby-admit')
  }
  await untilCount(teacher, 3)
  await teacher.find('lobby-admit')
  for (const [size, viewport] of Object.entries(SIZES)) {
    await teacher.raw.setViewport(viewport)
    for (const isFolded of [false, true]) {
      if (isFolded) await teacher.click('lobby-fold')
      await until(`the names of three are seen on the ${size}`, () => teacher.evaluate<boolean>(`(() => {
        const box = (element) => element.getBoundingClientRect()
        const lobby = box(document.querySelector('.lobby'))
        const main = box(document.querySelector('.stage-main'))
        const names = Array.from(document.querySelectorAll('.tile-label'), box)
        const apart = (one, other) => one.right <= other.left || other.right <= one.left || one.bottom <= other.top || other.bottom <= one.top
        const isInside = lobby.top >= main.top && lobby.bottom <= main.bottom + 1 && lobby.right <= innerWidth
        return names.length === 3 && isInside && names.every((name) => name.height > 0 && apart(name, lobby))
      })()`), 15_000, () => teacher.evaluate(`[...document.querySelectorAll('.lobby, .tile-label')].map((element) => JSON.stringify(element.getBoundingClientRect()))`))
    }
    await teacher.click('lobby-fold')
  }
})

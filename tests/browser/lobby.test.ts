import assert from 'node:assert/strict'
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

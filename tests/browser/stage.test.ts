import assert from 'node:assert/strict'
import { Bot } from './rig/bot.ts'
import { join, shareScreen, turnCameraOn, untilCount } from './rig/call.ts'
import { figure } from './rig/figures.ts'
import { press, pressIn } from './rig/keyboard.ts'
import { moderatorPath } from './rig/link.ts'
import { selfIdOf, untilReceives } from './rig/media.ts'
import type { TestPage } from './rig/page.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'

/** In this window nine tiles are legible. */
const NINE = { width: 500, height: 560 }

/** How long the work of a page is counted. Lower: single frames show through. */
const COUNTED_MS = 8_000

rule('layouts_pins_and_the_spotlight_show_whom_each_page_should_see_large', async (ground) => {
  const { server, links, guestLink } = await ground.serverWithRoom()
  const teacher = await join(ground, server, `${server.origin}${moderatorPath(links)}`, { name: 'Maîtresse Loriot' })
  const zoe = await join(ground, server, guestLink, { name: 'Zoé Quetzal' })
  const anselme = await join(ground, server, guestLink, { name: 'Anselme Ibis' })
  for (const page of [teacher, zoe, anselme]) await untilCount(page, 3)
  for (const page of [teacher, zoe, anselme]) await untilLarge(page, [])

  // Shown to everybody, with a mark; on the own page a mark is enough.
  await useTool(teacher, zoe, 'spotlight')
  await untilLarge(teacher, [zoe])
  await untilLarge(anselme, [zoe])
  await untilLarge(zoe, [])
  for (const page of [teacher, zoe, anselme]) await page.findSelector(`${tileOf(await selfIdOf(zoe))}[data-spotlight=true]`)
  assert.equal(await zoe.has('spotlight'), false)

  // One's own pins go before it, for oneself alone, by keyboard too.
  await pressIn(anselme, tileOf(await selfIdOf(teacher)), 'pin', ' ')
  await untilLarge(anselme, [teacher])
  await untilLarge(teacher, [zoe])
  await useTool(anselme, zoe, 'pin')
  await untilLarge(anselme, [teacher, zoe])
  await useTool(anselme, teacher, 'pin')
  await useTool(anselme, zoe, 'pin')
  await useTool(teacher, zoe, 'spotlight')
  for (const page of [teacher, zoe, anselme]) await untilLarge(page, [])

  await choose(zoe, 'strip')
  await untilLarge(zoe, [teacher])
  await choose(zoe, 'presenter')
  await until('the class is out of the way', async () => (await zoe.tiles()).length === 1)
  await shareScreen(anselme)
  await zoe.find('shared-screen')
  await untilLarge(zoe, [anselme])
  await untilReceives(teacher, anselme, 'screen')
  await choose(zoe, 'grid')
  await until('everybody is back', async () => (await zoe.tiles()).length === 3)
}, { order: 'beside' })

rule('shortcuts_do_what_a_click_does_are_listed_and_can_be_turned_off', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  for (const engine of ['chromium', 'firefox'] as const) {
    const page = await join(ground, server, guestLink, { engine, name: 'Zoé Quetzal' })
    await shortcut(page, 'M')
    await page.untilAttribute('mic-toggle', 'aria-pressed', 'true')
    await shortcut(page, 'H')
    await page.untilAttribute('hand', 'aria-pressed', 'true')
    await shortcut(page, 'D')
    await page.find('chat-input')
    await shortcut(page, 'L')
    await page.untilAttribute('people', 'aria-expanded', 'true')
    await shortcut(page, 'L')
    await shortcut(page, 'V')
    await page.find('camera-confirm')
    await page.raw.keyboard.press('Escape')
    await shortcut(page, 'Q')
    await page.find('leave-confirm')
    // Behind a dialog nothing is reached, as by a click.
    await shortcut(page, 'M')
    await page.raw.keyboard.press('Escape')
    await until('the question is gone', async () => !(await page.has('leave-confirm')))
    assert.equal(await page.attribute('mic-toggle', 'aria-pressed'), 'true')

    await press(page, 'more', 'Enter')
    await page.find('shortcuts')
    await press(page, 'shortcuts', 'Enter')
    await page.find('shortcuts-switch')
    await press(page, 'shortcuts-switch', ' ')
    await page.untilAttribute('shortcuts-switch', 'aria-checked', 'false')
    await page.raw.keyboard.press('Escape')
    await shortcut(page, 'M')
    await shortcut(page, 'L')
    assert.equal(await page.attribute('mic-toggle', 'aria-pressed'), 'true')
    assert.equal(await page.attribute('people', 'aria-expanded'), 'false')
    await page.close()
  }
})

rule('thirty_people_cost_a_page_no_more_than_the_nine_it_shows', async (ground) => {
  const { server, links, guestLink } = await ground.serverWithRoom()
  const page = await join(ground, server, guestLink, { name: 'Zoé Quetzal', ...NINE })
  await turnCameraOn(page)
  const crowd = async (from: number, to: number): Promise<void> => {
    const numbers = Array.from({ length: to - from }, (_, at) => from + at)
    const bots = await Promise.all(numbers.map((number) => Bot.join(server.origin, links, `Élève ${number}`)))
    ground.afterwards(() => bots.forEach((bot) => bot.leave()))
    await untilCount(page, to + 1)
  }
  await crowd(0, 8)
  assert.equal((await page.tiles()).length, 9)
  const alone = await workOf(page)
  await crowd(8, 29)
  await page.find('page-next')
  assert.equal((await page.tiles()).length, 9)
  const many = await workOf(page)
  figure(
    `page with 9 tiles, speakers and gestures changing: ${many.toFixed(1)} ms of work a second with 30 people present, ` +
      `${alone.toFixed(1)} ms with 9 (Chromium, main thread)`,
  )
  assert.ok(many < 1.5 * alone + 10, `${many} ms a second with 30 people, ${alone} ms with 9`)
}, { order: 'alone' })

/** Milliseconds a second that the main thread of the page works while speakers change five times a
 * second, somebody gestures and connections get better and worse. */
async function workOf(page: TestPage): Promise<number> {
  const work = async (): Promise<number> => {
    const { metrics } = (await page.cdp?.send('Performance.getMetrics')) ?? { metrics: [] }
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0
  }
  await page.cdp?.send('Performance.enable')
  const [before, began] = [await work(), performance.now()]
  await page.evaluate(`new Promise((done) => {
    const people = __rig.people()
    let step = 0
    const timer = setInterval(() => {
      step += 1
      const some = people.filter((_, at) => (at * 7 + step * 3) % 11 < 2)
      __rig.hear({ type: 'speakers', participants: some })
      if (step % 5 === 0) __rig.hear({ type: 'reacted', participant: people[step % people.length], reaction: 'agree' })
      if (step % 5 === 2) __rig.hear({ type: 'quality_changed', participant: people[step % people.length], quality: step % 2 ? 'fair' : 'good' })
      if (step * 200 < ${COUNTED_MS}) return
      clearInterval(timer)
      done()
    }, 200)
  })`)
  return ((await work()) - before) * 1e6 / (performance.now() - began)
}

function tileOf(id: string): string {
  return `[data-testid=tile][data-participant="${id}"]`
}

/** Goes to the tile of `who` and clicks a button of it. */
async function useTool(page: TestPage, who: TestPage, tool: 'pin' | 'spotlight'): Promise<void> {
  await page.clickSelector(`${tileOf(await selfIdOf(who))} [data-testid=${tool}]`)
}

async function untilLarge(page: TestPage, who: TestPage[]): Promise<void> {
  const wanted = await Promise.all(who.map(selfIdOf))
  const large = (): Promise<string[]> =>
    page.evaluate(`Array.from(document.querySelectorAll('[data-testid=tile][data-large=true]'), (tile) => tile.dataset.participant)`)
  await until('the right people are large', async () => (await large()).join(' ') === wanted.join(' '), undefined, large)
}

async function choose(page: TestPage, layout: string): Promise<void> {
  await page.click('more')
  await page.click(`layout-${layout}`)
  await page.untilAttribute(`layout-${layout}`, 'aria-pressed', 'true')
  await page.raw.keyboard.press('Escape')
}

async function shortcut(page: TestPage, key: string): Promise<void> {
  await page.raw.keyboard.down('Alt')
  await page.raw.keyboard.down('Shift')
  await page.raw.keyboard.press(key as 'M')
  await page.raw.keyboard.up('Shift')
  await page.raw.keyboard.up('Alt')
}

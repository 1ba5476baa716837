import assert from 'node:assert/strict'
import type { TestPage } from './rig/page.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'

/** More steps than any screen has stops. */
const MOST_TABS = 60

for (const engine of ['chromium', 'firefox'] as const) {
  rule(`the_whole_way_from_home_to_leaving_works_by_keyboard_alone_in_${engine}`, async (ground) => {
    const server = await ground.server()
    const page = await ground.page(engine)
    await page.goto(server.origin)
    await press(page, 'create-room', 'Enter')
    await page.find('enter-room')
    await press(page, 'enter-room', 'Enter')
    await page.find('pseudonym')
    await tabTo(page, 'pseudonym')
    await page.raw.keyboard.type('Zoé Quetzal')
    server.forbidInLog('Zoé Quetzal')
    await press(page, 'join', 'Enter')
    await page.find('mic-toggle')
    await press(page, 'mic-toggle', ' ')
    await page.untilAttribute('mic-toggle', 'aria-pressed', 'true')
    await press(page, 'camera-toggle', ' ')
    await page.find('camera-confirm')
    await press(page, 'camera-confirm', 'Enter')
    await page.untilAttribute('camera-toggle', 'aria-pressed', 'true')
    await press(page, 'screen-toggle', 'Enter')
    // Whoever reaches a button of the reminder has all the time.
    await tabTo(page, 'screen-confirm')
    await page.raw.keyboard.press('Escape')
    await until('the reminder closes', async () => !(await page.has('screen-confirm')))
    await page.untilAttribute('screen-toggle', 'aria-pressed', 'false')
    await press(page, 'leave', 'Enter')
    await page.find('left-page')
  })
}

async function press(page: TestPage, testid: string, key: 'Enter' | ' '): Promise<void> {
  await tabTo(page, testid)
  await page.raw.keyboard.press(key)
}

function tabTo(page: TestPage, testid: string): Promise<void> {
  return tabUntil(page, `the element ${testid}`, `document.activeElement?.dataset.testid === ${JSON.stringify(testid)}`)
}

/** Presses Tab until `reached`; every stop on the way must show its focus. */
async function tabUntil(page: TestPage, what: string, reached: string): Promise<void> {
  for (let tabs = 0; tabs < MOST_TABS; tabs += 1) {
    if (await page.evaluate<boolean>(reached)) {
      assert.ok(await page.evaluate<boolean>(FOCUS_SHOWS), `${what} shows that it has the focus`)
      return
    }
    await page.raw.keyboard.press('Tab')
  }
  throw new Error(`${what} is not reached by Tab: ${await page.bodyText()}`)
}

const FOCUS_SHOWS = `(() => {
  const style = getComputedStyle(document.activeElement)
  return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none'
})()`

import { press, tabTo } from './rig/keyboard.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'

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

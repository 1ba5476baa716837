import assert from 'node:assert/strict'
import { join, turnMicrophoneOn, untilAsksFirst } from './rig/call.ts'
import { untilReceives } from './rig/media.ts'
import { rule } from './rig/rule.ts'
import { refusal, words } from './rig/words.ts'

/** What browsers reject with when a device cannot be opened (Media Capture and Streams 10.3). */
const REJECTIONS = [
  { name: 'NotFoundError', problem: 'missing' },
  { name: 'NotAllowedError', problem: 'refused' },
  { name: 'NotReadableError', problem: 'busy' },
] as const

for (const { name, problem } of REJECTIONS) {
  rule(`a_camera_or_microphone_that_is_${problem}_is_told_and_the_call_goes_on`, async (ground) => {
    const { server, guestLink } = await ground.serverWithRoom()
    // The one thing a test machine cannot produce is the browser's refusal: only that is put in.
    const before = `MediaDevices.prototype.getUserMedia = () => Promise.reject(new DOMException('', '${name}'))`
    const page = await join(ground, server, guestLink, { name: 'Zoé Quetzal', before })
    await page.click('camera-toggle')
    await page.untilText(refusal('fr', `camera_${problem}`).title)
    await page.untilText(refusal('fr', `camera_${problem}`).help)
    await page.untilAttribute('camera-toggle', 'aria-pressed', 'false')
    await page.click('mic-toggle')
    await page.untilText(refusal('fr', `microphone_${problem}`).title)
    await page.untilAttribute('mic-toggle', 'aria-pressed', 'false')
    assert.ok(await page.has('leave'))
  }, { order: 'beside' })
}

rule('a_screen_that_is_refused_is_told_and_nothing_is_shared', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const before = `MediaDevices.prototype.getDisplayMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))`
  const page = await join(ground, server, guestLink, { name: 'Zoé Quetzal', before })
  await turnMicrophoneOn(page)
  await page.click('screen-toggle')
  await page.click('screen-confirm')
  await page.untilText(refusal('fr', 'screen_refused').title)
  await page.untilAttribute('screen-toggle', 'aria-pressed', 'false')
}, { order: 'beside' })

for (const engine of ['chromium', 'firefox'] as const) {
  rule(`one_click_shows_oneself_the_camera_then_sends_it_and_one_shares_the_screen_in_${engine}`, async (ground) => {
    const { server, guestLink } = await ground.serverWithRoom()
    const page = await join(ground, server, guestLink, { name: 'Zoé Quetzal', engine })
    const other = await join(ground, server, guestLink, { name: 'Anselme Ibis' })
    await page.click('camera-toggle')
    await untilAsksFirst(page, 'camera', words('fr', 'camera.previewTitle'))
    await page.untilAttribute('camera-toggle', 'aria-pressed', 'true')
    await untilReceives(other, page, 'camera')
    await page.click('screen-toggle')
    await untilAsksFirst(page, 'screen', words('fr', 'screen.remindClose'))
    await page.untilAttribute('screen-toggle', 'aria-pressed', 'true')
    await untilReceives(other, page, 'screen')
  })
}

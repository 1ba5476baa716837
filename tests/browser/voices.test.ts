import assert from 'node:assert/strict'
import { join, turnMicrophoneOn } from './rig/call.ts'
import { createRoom, guestPath, moderatorPath } from './rig/link.ts'
import { untilAllFlow } from './rig/media.ts'
import { rule } from './rig/rule.ts'

/** Lines of the offers and answers of a page that speak of pictures. */
const PICTURE_LINES = `__rig.connections.flatMap(({ localDescription, remoteDescription }) =>
  [localDescription, remoteDescription].flatMap((it) => (it?.sdp ?? '').split('\\r\\n')).filter((line) => line.startsWith('m=video')))`

rule('r11_in_a_room_of_voices_no_picture_is_ever_negotiated', async (ground) => {
  const server = await ground.server()
  const links = await createRoom(server.origin, 'audio')
  ground.keepSecret(server, links)
  const pages = [
    await join(ground, server, `${server.origin}${moderatorPath(links)}`),
    await join(ground, server, `${server.origin}${guestPath(links)}`, { engine: 'firefox' }),
    await join(ground, server, `${server.origin}${guestPath(links)}`),
  ]
  for (const page of pages) await turnMicrophoneOn(page)
  await untilAllFlow(pages, ['microphone'])
  for (const page of pages) {
    assert.equal(await page.has('camera-toggle'), false)
    assert.equal(await page.has('screen-toggle'), false)
    assert.deepEqual(await page.evaluate<string[]>(PICTURE_LINES), [])
    assert.ok(await page.evaluate<boolean>(`__rig.connections.at(-1).remoteDescription.sdp.includes('m=audio')`))
  }
})

import assert from 'node:assert/strict'
import { join, shareScreen, turnCameraOn, turnMicrophoneOn, untilCount } from './rig/call.ts'
import { enter, localOf, openClass, type Opened } from './rig/encrypted.ts'
import { createRoom, guestPath, moderatorPath } from './rig/link.ts'
import type { TestPage } from './rig/page.ts'
import { CutableRoad } from './rig/proxy.ts'
import { rule, type Ground } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

const SOCKET_CLOSED = 3

for (const engine of ['chromium', 'firefox'] as const) {
  rule(`r13_leaving_in_${engine}_stops_every_track_and_closes_everything`, async (ground) => {
    const { server, guestLink } = await ground.serverWithRoom()
    const other = await join(ground, server, guestLink, { name: 'Anselme Ibis' })
    const page = await join(ground, server, guestLink, { name: 'Zoé Quetzal', engine })
    await turnMicrophoneOn(page)
    await turnCameraOn(page)
    await shareScreen(page)
    await untilCount(other, 2)
    await page.click('leave')
    await untilNothingHeld(page)
    await untilCount(other, 1)
  })
}

for (const kind of ['unencrypted', 'encrypted'] as const) {
  rule(`a_meeting_that_its_moderator_ends_is_over_for_all_and_the_same_link_opens_the_next_${kind}`, async (ground) => {
    const { server, teacher, guest } = await openMeeting(ground, kind)
    const pupil = await enter(ground, server, teacher, guest, 'firefox', 'Zoé Quetzal')
    await turnMicrophoneOn(pupil)
    const late = await ground.page()
    await late.goto(localOf(server, guest))
    await late.click('join')
    await late.find('lobby-waiting')
    await teacher.find('lobby-admit')
    await teacher.click('leave')
    await teacher.click('leave-end')
    for (const page of [pupil, late, teacher]) {
      await page.untilText(words('fr', 'left.title.meeting_ended'))
      await page.untilText(words('fr', 'left.byModerator'))
      await page.find('left-home')
      assert.equal(await page.has('rejoin'), false)
      await untilNothingHeld(page)
    }
    // Nobody was put out, no link has ended, the room is not locked.
    await pupil.raw.reload()
    await pupil.click('join')
    await pupil.find('lobby-waiting')
  })
}

/** A class with its teacher in it. */
async function openMeeting(ground: Ground, kind: 'unencrypted' | 'encrypted'): Promise<Pick<Opened, 'server' | 'teacher' | 'guest'>> {
  if (kind === 'encrypted') return openClass(ground)
  const server = await ground.server()
  const links = await createRoom(server.origin, 'classe')
  ground.keepSecret(server, links)
  const teacher = await join(ground, server, `${server.origin}${moderatorPath(links)}`, { name: 'Mme Loriot' })
  return { server, teacher, guest: `${server.origin}${guestPath(links)}` }
}

rule('r12_leaving_works_while_signaling_is_cut', async (ground) => {
  ground.expectsNetworkErrors = true
  const { server, links } = await ground.serverWithRoom()
  const road = await CutableRoad.open(server.ports.http)
  ground.afterwards(() => road.close())
  const page = await join(ground, server, `http://localhost:${road.port}${guestPath(links)}`, { name: 'Zoé Quetzal' })
  await turnMicrophoneOn(page)
  await turnCameraOn(page)
  road.cut()
  await page.click('leave')
  await untilNothingHeld(page)
}, { order: 'beside' })

for (const engine of ['chromium', 'firefox'] as const) {
  rule(`r13_turning_camera_and_microphone_off_in_${engine}_releases_the_devices`, async (ground) => {
    const { server, guestLink } = await ground.serverWithRoom()
    const page = await join(ground, server, guestLink, { name: 'Zoé Quetzal', engine })
    await turnMicrophoneOn(page)
    await turnCameraOn(page)
    await page.click('camera-toggle')
    await page.untilAttribute('camera-toggle', 'aria-pressed', 'false')
    await until('the camera is released', async () => isReleased(page, 'video'))
    assert.equal(await isReleased(page, 'audio'), false)
    await page.click('mic-toggle')
    await page.untilAttribute('mic-toggle', 'aria-pressed', 'false')
    await until('the microphone is released', async () => isReleased(page, 'audio'))
  })
}

async function isReleased(page: TestPage, kind: 'audio' | 'video'): Promise<boolean> {
  const { tracks } = await page.holdings()
  const ofKind = tracks.filter((track) => track.startsWith(kind))
  assert.ok(ofKind.length > 0)
  return ofKind.every((track) => track === `${kind}:ended`)
}

async function untilNothingHeld(page: TestPage): Promise<void> {
  await page.find('left-page')
  await until(
    `${page.engine} holds nothing any more`,
    async () => {
      const { tracks, connections, sockets } = await page.holdings()
      return (
        (await page.evaluate<boolean>('(history.state ?? null) === null')) &&
        tracks.every((track) => track.endsWith(':ended')) &&
        connections.every((state) => state === 'closed') &&
        sockets.every((state) => state === SOCKET_CLOSED)
      )
    },
    10_000,
    () => page.holdings(),
  )
}

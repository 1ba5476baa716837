import assert from 'node:assert/strict'
import { fingerprintOf, guestSecretOf, hostKeyOf } from './rig/link.ts'
import { selfIdOf } from './rig/media.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

rule('r01_one_click_makes_a_room_whose_links_open_it', async (ground) => {
  const server = await ground.server()
  const page = await ground.page()
  await page.cdp?.send('Network.enable')
  const frames: string[] = []
  page.cdp?.on('Network.webSocketFrameSent', (event) => frames.push(event.response.payloadData))
  await page.goto(server.origin)
  await page.click('create-room')

  const guest = new URL(await page.text('guest-link'))
  const moderator = new URL(await page.text('moderator-link'))
  assert.match(guest.pathname, /^\/r\/[\w-]{22}$/)
  assert.match(guest.hash, /^#v1e\.[\w-]{22}\.[\w-]{22}$/)
  assert.equal(moderator.pathname, guest.pathname)
  const { shareOrigin } = (await (await fetch(`${server.origin}/api/server`)).json()) as { shareOrigin: string | null }
  assert.equal(guest.origin, shareOrigin ?? server.origin, 'the link names the address that other devices reach')
  assert.match(moderator.hash, /^#v1me\.[\w-]{22}$/)
  const [, guestSecret = '', fingerprint = ''] = guest.hash.split('.')
  const [, moderatorSecret = ''] = moderator.hash.split('.')
  assert.equal(guestSecret, guestSecretOf(moderatorSecret), 'the guest secret is derived from the moderator secret')
  assert.equal(fingerprint, fingerprintOf(hostKeyOf(moderatorSecret)), 'the guest link names the host key')
  ground.keepSecret(server, { room: guest.pathname.slice('/r/'.length), guestSecret, moderatorSecret })

  await page.click('enter-room')
  await page.click('join')
  await selfIdOf(page)
  await until('frames to the server are seen', () => frames.length > 0)
  const told = [...page.requests.map((r) => `${r.url.replace(/#.*/, '')} ${r.body}`), ...frames].join('\n')
  assert.ok(!told.includes(guestSecret), 'the server did not hear the guest secret')
  assert.ok(!told.includes(moderatorSecret), 'the server did not hear the moderator secret')

  for (const engine of ['chromium', 'firefox'] as const) {
    const pupil = await ground.page(engine)
    await pupil.goto(guest.href)
    await pupil.click('join')
    // The one click made a class: the teacher lets pupils in.
    await pupil.find('lobby-waiting')
    await page.click('lobby-admit')
    await selfIdOf(pupil)
    await until('others are shown', async () => (await pupil.tiles()).length > 1)
  }
})

rule('r02_the_page_before_joining_asks_for_nothing_but_an_optional_pseudonym', async (ground) => {
  const { guestLink } = await ground.serverWithRoom()
  for (const engine of ['chromium', 'firefox'] as const) {
    const page = await ground.page(engine)
    await page.goto(guestLink)
    await page.find('join')
    const fields = await page.evaluate<{ type: string; required: boolean; testid: string | null }[]>(
      `Array.from(document.querySelectorAll('input, select, textarea'), (f) => ({ type: f.type, required: f.required, testid: f.dataset.testid ?? null }))`,
    )
    assert.deepEqual(fields, [{ type: 'text', required: false, testid: 'pseudonym' }])
    assert.equal((await page.holdings()).userMediaCalls, 0)
  }
})

rule('r15_the_check_before_joining_shows_camera_and_microphone_and_sends_nothing', async (ground) => {
  const { guestLink } = await ground.serverWithRoom()
  const page = await ground.page()
  await page.goto(guestLink)
  await page.click('check-devices')
  await page.untilText(words('fr', 'check.private'))
  const tracks = async (): Promise<string> => (await page.holdings()).tracks.sort().join(' ')
  await until('both devices are open', async () => (await tracks()) === 'audio:live video:live', 20_000, tracks)
  await until('the picture plays', () => page.evaluate<boolean>(`document.querySelector('[data-testid=check-video]')?.videoWidth > 0`))
  const { connections, sockets } = await page.holdings()
  assert.deepEqual({ connections, sockets }, { connections: [], sockets: [] })
  await page.clickNamed('check.stop')
  await until('both devices are released', async () => (await tracks()) === 'audio:ended video:ended', 15_000, tracks)
}, { order: 'beside' })

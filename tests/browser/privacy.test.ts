import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join, turnCameraOn, turnMicrophoneOn } from './rig/call.ts'
import { untilAllFlow } from './rig/media.ts'
import { rule } from './rig/rule.ts'
import { CONTROLLER, PREAU_BIN } from './rig/server.ts'

for (const engine of ['chromium', 'firefox'] as const) {
  rule(`r29_r31_a_meeting_in_${engine}_asks_no_other_origin_and_leaves_nothing_behind`, async (ground) => {
    const { server, guestLink } = await ground.serverWithRoom()
    const other = await join(ground, server, guestLink, { name: 'Anselme Ibis' })
    const page = await ground.page(engine)
    // The notice first, then the link: navigation must not tell where one came from.
    await page.goto(`${server.origin}/notice`)
    await page.goto(guestLink)
    await page.fill('pseudonym', 'Zoé Quetzal')
    server.forbidInLog('Zoé Quetzal')
    await page.click('join')
    await page.find('participant-count')
    for (const each of [page, other]) {
      await turnMicrophoneOn(each)
      await turnCameraOn(each)
    }
    await untilAllFlow([page, other])
    await page.click('leave')
    await page.find('left-page')

    const own = new URL(server.origin)
    assert.deepEqual([...page.origins].filter((origin) => new URL(origin).host !== own.host), [])
    assert.ok(page.requests.length > 3, 'requests were seen')
    for (const request of page.requests) assert.equal(request.referer ?? '', '', `referrer at ${request.url}`)
    assert.deepEqual(
      await page.evaluate(`(async () => ({
        cookie: document.cookie,
        local: localStorage.length,
        session: sessionStorage.length,
        databases: (await indexedDB.databases()).length,
        caches: (await caches.keys()).length,
        workers: (await navigator.serviceWorker?.getRegistrations() ?? []).length,
        referrer: document.referrer,
        name: window.name,
        state: history.state,
      }))()`),
      { cookie: '', local: 0, session: 0, databases: 0, caches: 0, workers: 0, referrer: '', name: '', state: null },
    )
    assert.deepEqual(await page.context.cookies(), [])
  })
}

rule('r30_the_notice_is_one_click_away_before_joining_and_reads_without_script', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const page = await ground.page()
  await page.goto(guestLink)
  await page.click('notice-link')
  await page.find('notice')
  assert.match(await page.evaluate('location.pathname'), /^\/notice/)

  const bare = await ground.page()
  await bare.raw.setJavaScriptEnabled(false)
  await bare.goto(`${server.origin}/notice`)
  const text = await bare.bodyText()
  const contacts = [CONTROLLER.name, CONTROLLER.dpo, CONTROLLER.support].map((contact) => text.indexOf(contact))
  assert.ok(contacts.every((at) => at >= 0), text)
  assert.deepEqual(contacts, [...contacts].sort((a, b) => a - b))
}, { order: 'beside' })

rule('security_headers_stand_on_every_page', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  for (const address of [server.origin, guestLink.replace(/#.*/, ''), `${server.origin}/notice`]) {
    const { headers } = await fetch(address)
    const policy = headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'self'/)
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|https?:|\*/)
    assert.equal(headers.get('referrer-policy'), 'no-referrer')
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.ok(headers.get('permissions-policy'))
    assert.equal(headers.get('set-cookie'), null)
  }
}, { order: 'beside' })

rule('r10_r31_r33_r35_the_check_from_outside_finds_every_promise_kept_by_the_real_pages', async (ground) => {
  const server = await ground.server()
  const { status, stdout, stderr } = spawnSync(PREAU_BIN, ['privacy-check', server.origin], { encoding: 'utf8', timeout: 60_000 })
  assert.equal(status, 0, `${stdout}\n${stderr}`)
  assert.match(stdout, /^\d+ kept, 0 broken$/m)
}, { order: 'beside' })

rule('r29_a_guest_is_shown_everything_the_server_holds_about_them', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const page = await join(ground, server, guestLink, { name: 'Anselme Ibis' })
  await page.click('more')
  await page.click('what-server-knows')
  await page.find('known-list')
  const shown = await page.evaluate<Record<string, string>>(`Object.fromEntries(
    [...document.querySelectorAll('[data-field]')].map((row) => [row.dataset.field, row.querySelector('dd').textContent]),
  )`)
  assert.equal(shown['displayName'], 'Anselme Ibis')
  assert.match(shown['address'] ?? '', /^(127\.|::1|::ffff:127\.)/)
  assert.ok(Object.keys(shown).length > 20, JSON.stringify(shown))
  await page.click('known-close')
}, { order: 'beside' })

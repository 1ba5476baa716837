import assert from 'node:assert/strict'
import { violations } from './rig/axe.ts'
import { doctorLink, untilAllTried } from './rig/doctor.ts'
import { rule } from './rig/rule.ts'
import { words } from './rig/words.ts'

rule('the_administrators_page_says_what_to_mend_and_tries_each_way_to_the_server', async (ground) => {
  const server = await ground.server({ publicAddresses: ['auto', '0.0.0.0'] })
  const link = doctorLink(server, server.origin)
  const page = await ground.page('chromium')
  await page.goto(link)
  await page.untilAttribute('doctor-controller', 'data-state', 'good')
  await page.untilAttribute('doctor-configuration', 'data-state', 'doubtful')
  assert.match(await page.text('doctor-configuration'), /preau\.toml:\d+.*l’entrée 2 de public_addresses.*Écrivez/)
  const tried = await untilAllTried(page)
  for (const way of ['udp', 'tcp']) {
    assert.ok(tried.some((one) => one.way === `doctor-way-${way}` && one.state === 'good'), JSON.stringify(tried))
  }
  // This page came without TLS, so that it has no relay.
  assert.deepEqual(tried.at(-1), { way: 'doctor-way-tls', state: 'skipped' })
  assert.equal((await page.holdings()).userMediaCalls, 0)
  assert.deepEqual(await violations(page), [])

  const forged = await ground.page('chromium')
  ground.expectsNetworkErrors = true
  await forged.goto(link.slice(0, -4))
  await forged.untilAttribute('error-message', 'data-problem', 'expired')
}, { order: 'beside' })

rule('the_administrators_page_reaches_the_relay_where_the_certificate_is_trusted_and_nowhere_else', async (ground) => {
  const server = await ground.server()
  const link = doctorLink(server, server.httpsOrigin)
  const trusting = await ground.trustingPage('chromium', server)
  // This one came as by a click past the browser's warning.
  const warned = await ground.page('chromium')
  for (const [page, state] of [
    [trusting, 'good'],
    [warned, 'failed'],
  ] as const) {
    await page.goto(link)
    const tried = await untilAllTried(page)
    assert.deepEqual(tried.at(-1), { way: 'doctor-way-tls', state }, JSON.stringify(tried))
  }
  await warned.untilText(words('fr', 'doctor.wayCure.tls'))
}, { order: 'beside' })

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { violations } from './rig/axe.ts'
import type { TestPage } from './rig/page.ts'
import { rule } from './rig/rule.ts'
import { PREAU_BIN } from './rig/server.ts'
import { until } from './rig/until.ts'

rule('the_administrators_page_says_what_to_mend_and_tries_each_way_to_the_server', async (ground) => {
  const server = await ground.server()
  const args = ['doctor', '--page', '--data', server.dataFolder, '--share-origin', server.origin]
  const link = execFileSync(PREAU_BIN, args, { encoding: 'utf8' }).trim()
  const pass = link.split('#v1d.')[1] ?? ''
  server.forbidInLog(pass)
  const page = await ground.page('chromium')
  await page.goto(link)
  await page.untilAttribute('doctor-controller', 'data-state', 'good')
  await until('each way was tried', async () => {
    const states = await ways(page)
    return states.length > 2 && states.every(({ state }) => state !== 'running')
  }, 20_000, () => ways(page))
  const states = await ways(page)
  for (const way of ['udp', 'tcp']) {
    assert.ok(states.some((one) => one.way === `doctor-way-${way}` && one.state === 'good'), JSON.stringify(states))
  }
  // This page came without TLS, so that it has no relay.
  assert.deepEqual(states.at(-1), { way: 'doctor-way-tls', state: 'skipped' })
  assert.equal((await page.holdings()).userMediaCalls, 0)
  assert.deepEqual(await violations(page), [])

  const forged = await ground.page('chromium')
  ground.expectsNetworkErrors = true
  await forged.goto(link.slice(0, -4))
  await forged.untilAttribute('error-message', 'data-problem', 'expired')
})

function ways(page: TestPage): Promise<{ way: string; state: string }[]> {
  return page.evaluate(
    `[...document.querySelectorAll('[data-testid^=doctor-way-]')].map(({ dataset }) => ({ way: dataset.testid, state: dataset.state }))`,
  )
}

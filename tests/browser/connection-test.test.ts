import assert from 'node:assert/strict'
import { violations } from './rig/axe.ts'
import { NetworkWithoutUdp } from './rig/namespace.ts'
import type { TestPage } from './rig/page.ts'
import { CutableRoad } from './rig/proxy.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

const STEPS = ['browser', 'devices', 'http', 'websocket', 'udp', 'tcp', 'tls'] as const

const UNTRIED = { udp: 'skipped', tcp: 'skipped', tls: 'skipped' }

for (const engine of ['chromium', 'firefox'] as const) {
  rule(`the_connection_test_passes_in_${engine}_and_opens_no_device`, async (ground) => {
    const server = await ground.server()
    const page = await ground.page(engine)
    await page.goto(`${server.origin}/test`)
    await untilVerdict(page, 'good')
    const good = { browser: 'good', devices: 'good', http: 'good', websocket: 'good', udp: 'good', tcp: 'good' }
    // There is no TLS on the way from this machine to itself.
    assert.deepEqual(await states(page), { ...good, tls: 'skipped' })
    assert.equal((await page.holdings()).userMediaCalls, 0)
    await until('the trial is let go', async () => {
      const { connections } = await page.holdings()
      return connections.length > 0 && connections.every((state) => state === 'closed')
    })
    await until('the server lets go too', async () => (await metric(server.ports.metrics, 'preau_media_transports')) === 0)
    const report = await page.text('test-report')
    assert.match(report, /UDP\) – réussi/)
    assert.ok(report.includes(`:${server.ports.media}`), report)
    assert.match(report, engine === 'chromium' ? /Chrome \d+, Linux/ : /Firefox \d+, Linux/)
    assert.deepEqual(await violations(page), [])
  })

  rule(`the_connection_test_says_in_${engine}_that_udp_is_blocked_and_what_to_open`, async (ground) => {
    ground.expectsNetworkErrors = true
    const network = NetworkWithoutUdp.create()
    ground.afterwards(() => network.remove())
    const server = await ground.server({ namespace: network })
    const page = await ground.trustingPage(engine, server)
    await page.goto(`${server.httpsOrigin}/test`)
    await untilVerdict(page, 'doubtful')
    const { websocket, udp, tcp, tls } = await states(page)
    assert.deepEqual({ websocket, udp, tcp }, { websocket: 'good', udp: 'doubtful', tcp: 'good' })
    // Firefox takes a relay over TLS by its name alone, never by an address.
    assert.equal(tls, engine === 'chromium' ? 'good' : 'closed')
    await page.findSelector('[data-testid=test-problem][data-problem=udp_detour]')
    await page.untilText(words('fr', 'test.cause.udp_detour.help'))
    const place = `${network.address}:${server.ports.media}`
    const admin = words('fr', 'test.admin.udp').replace('{places}', place)
    await page.untilText(admin.replace('{host}', `${network.address}:${server.ports.https}`))
    const report = await page.text('test-report')
    assert.ok(report.includes('[udp_detour]') && report.includes(place), report)
    assert.ok(!report.includes(network.here), `the report names this machine: ${report}`)
    assert.deepEqual(await violations(page), [])
  }, { order: 'alone' })
}

rule('the_connection_test_tells_a_blocked_websocket_from_a_server_that_is_gone', async (ground) => {
  ground.expectsNetworkErrors = true
  const server = await ground.server()
  const road = await CutableRoad.open(server.ports.http)
  ground.afterwards(() => road.close())
  const page = await ground.page('chromium', {
    before: `globalThis.WebSocket = class extends WebSocket { constructor(url) { super(url.replace('/api/session', '/nowhere')) } }`,
  })
  await page.goto(`http://localhost:${road.port}/test`)
  await untilVerdict(page, 'failed')
  assert.deepEqual(await states(page), { browser: 'good', devices: 'good', http: 'good', websocket: 'failed', ...UNTRIED })
  await page.findSelector('[data-testid=test-problem][data-problem=websocket_blocked]')
  road.cut()
  await page.click('test-again')
  await page.findSelector('[data-testid=test-problem][data-problem=server_unreachable]', 20_000)
  assert.deepEqual(await states(page), { browser: 'good', devices: 'good', http: 'failed', websocket: 'skipped', ...UNTRIED })
}, { order: 'beside' })

async function untilVerdict(page: TestPage, verdict: string): Promise<void> {
  await page.findSelector(`[data-testid=test-verdict][data-verdict=${verdict}]`, 30_000)
  await page.untilText(words(page.language, `test.verdict.${verdict}`))
}

async function states(page: TestPage): Promise<Record<(typeof STEPS)[number], string | null>> {
  const found = await Promise.all(STEPS.map((step) => page.attribute(`test-step-${step}`, 'data-state')))
  return Object.fromEntries(STEPS.map((step, i) => [step, found[i] ?? null])) as Record<(typeof STEPS)[number], string | null>
}

async function metric(port: number, name: string): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(page)?.[1])
}

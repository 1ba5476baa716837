import assert from 'node:assert/strict'
import { figure } from './rig/figures.ts'
import { runInside } from './rig/inside.ts'
import { Island } from './rig/island.ts'
import { guestPath } from './rig/link.ts'
import { meet, type Met, roomAt } from './rig/meet.ts'
import { NetworkWithoutUdp, OpenNetwork } from './rig/namespace.ts'
import { BehindNat } from './rig/nat.ts'
import { TlsOnlyRoad } from './rig/proxy.ts'
import { type Ground, rule } from './rig/rule.ts'
import type { PreauServer, ServerOptions } from './rig/server.ts'
import { refusal, words } from './rig/words.ts'

/** Some networks have browsers of their own, which have to start. */
const DEADLINE_MS = 120_000

/** What a school lets out, and the way media then takes. */
interface Cell {
  name: string
  way: 'udp' | 'tcp' | 'tls'
  /** It lies apart from this machine's own network, and changes nothing under the pages of other rules. */
  isApart?: true
  /** A meeting there. */
  meet: (ground: Ground) => Promise<Met[]>
}

/** Lays a network and a server in it, which pages find at its own address. */
function inNetwork(create: () => NonNullable<ServerOptions['namespace']> & { remove: () => void }): Cell['meet'] {
  return async (ground) => {
    const network = create()
    ground.afterwards(() => network.remove())
    const server = await ground.server({ namespace: network })
    return meet(ground, server, server.httpsOrigin)
  }
}

const CELLS: readonly Cell[] = [
  { name: 'open', way: 'udp', meet: inNetwork(() => OpenNetwork.create()) },
  { name: 'udp_blocked', way: 'tcp', meet: inNetwork(() => NetworkWithoutUdp.create()) },
  {
    name: 'only_tls',
    way: 'tls',
    meet: async (ground) => {
      const { server, origin, road } = await behindTlsOnly(ground)
      const met = await meet(ground, server, origin)
      assert.ok(road.refused > 0, 'plain TCP was tried and did not pass')
      return met
    },
  },
  { name: 'translated_around_a_container', way: 'udp', meet: inNetwork(() => BehindNat.create()) },
  {
    name: 'ipv6_only',
    way: 'udp',
    isApart: true,
    meet: async (ground) => {
      const island = Island.create({ hasWayOut: false })
      ground.afterwards(() => island.remove())
      const args = ['ipv6-meeting.ts', island.server, ...island.enterMachine]
      const said = await runInside(ground, island.enter, args, DEADLINE_MS)
      return JSON.parse(/^\[.*\]$/m.exec(said)?.[0] ?? '') as Met[]
    },
  },
]

for (const { name, way, isApart, meet: meetThere } of CELLS) {
  rule(`r47_a_class_meets_in_both_browsers_where_the_network_is_${name}`, async (ground) => {
    ground.expectsNetworkErrors = true
    const all = await meetThere(ground)
    for (const { engine, first } of all) figure(`network ${name} under ${engine}: first remote frame ${first.toFixed(0)} ms after the click on join`)
    assert.deepEqual(all.map((met) => met.way), [way, way])
  }, { order: isApart === true ? 'in turn' : 'alone', deadlineMs: DEADLINE_MS })
}

for (const engine of ['chromium', 'firefox'] as const) {
  rule(`a_network_that_blocks_every_way_is_told_in_${engine}`, async (ground) => {
    ground.expectsNetworkErrors = true
    const { server, origin, road } = await behindTlsOnly(ground)
    road.letOnlyPagesPass()
    const links = await roomAt(ground, server, origin)
    const page = await ground.trustingPage(engine, server)
    await page.goto(`${origin}${guestPath(links)}`)
    await page.click('join')
    await page.untilText(refusal('fr', 'media_blocked').title, 40_000)
    await page.goto(`${origin}/test`)
    await page.findSelector('[data-testid=test-verdict][data-verdict=failed]', 30_000)
    await page.findSelector('[data-testid=test-problem][data-problem=udp_blocked]')
    await page.untilText(words('fr', 'test.cause.udp_blocked.help'))
  }, { order: 'alone' })
}

/** A server of which a school lets through what begins as TLS does, and nothing else. */
async function behindTlsOnly(ground: Ground): Promise<{ server: PreauServer; origin: string; road: TlsOnlyRoad }> {
  const network = NetworkWithoutUdp.create()
  ground.afterwards(() => network.remove())
  const road = await TlsOnlyRoad.open()
  ground.afterwards(() => road.close())
  const origin = `https://localhost:${road.port}`
  const server = await ground.server({ namespace: network, before: { origin, address: network.here } })
  road.leadTo(network.address, server.ports.https)
  return { server, origin, road }
}

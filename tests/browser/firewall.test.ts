import assert from 'node:assert/strict'
import { passPrejoin, turnCameraOn, turnMicrophoneOn } from './rig/call.ts'
import { figure } from './rig/figures.ts'
import { createRoom, guestPath, type RoomLinks } from './rig/link.ts'
import { untilAllFlow } from './rig/media.ts'
import { NetworkWithoutUdp, OpenNetwork } from './rig/namespace.ts'
import type { TestPage } from './rig/page.ts'
import { TlsOnlyRoad } from './rig/proxy.ts'
import { type Ground, rule } from './rig/rule.ts'
import type { PreauServer } from './rig/server.ts'
import { until } from './rig/until.ts'
import { refusal, words } from './rig/words.ts'

/** Far above a healthy join, the wait for the relay included; the figure tells the rest. */
const SANE_MS = 20_000

/** What a school lets out, and the way media then takes. */
interface Cell {
  name: string
  way: 'udp' | 'tcp' | 'tls'
  /** A server behind it, and where pages find it. */
  lay: (ground: Ground) => Promise<{ server: PreauServer; origin: string; check?: () => void }>
}

/** Lays a network and a server in it, which pages find at its own address. */
function inNetwork(create: () => OpenNetwork): Cell['lay'] {
  return async (ground) => {
    const network = create()
    ground.afterwards(() => network.remove())
    const server = await ground.server({ namespace: network })
    return { server, origin: server.httpsOrigin }
  }
}

const CELLS: readonly Cell[] = [
  { name: 'open', way: 'udp', lay: inNetwork(() => OpenNetwork.create()) },
  { name: 'udp_blocked', way: 'tcp', lay: inNetwork(() => NetworkWithoutUdp.create()) },
  {
    name: 'only_tls',
    way: 'tls',
    lay: async (ground) => {
      const { server, origin, road } = await behindTlsOnly(ground)
      return { server, origin, check: () => assert.ok(road.refused > 0, 'plain TCP was tried and did not pass') }
    },
  },
]

for (const engine of ['chromium', 'firefox'] as const) {
  for (const { name, way, lay } of CELLS) {
    rule(`r47_a_class_meets_in_${engine}_where_the_network_is_${name}`, async (ground) => {
      ground.expectsNetworkErrors = true
      const { server, origin, check } = await lay(ground)
      const links = await roomAt(ground, server, origin)
      // The relay is taken by browsers alone that trust its certificate, which no click gets past.
      const teacher = await ground.trustingPage('chromium', server)
      await teacher.goto(`${origin}${guestPath(links)}`)
      await passPrejoin(teacher, server)
      await turnMicrophoneOn(teacher)
      await turnCameraOn(teacher)
      const pupil = await ground.trustingPage(engine, server)
      await pupil.goto(`${origin}${guestPath(links)}`)
      await pupil.find('join')
      await pupil.evaluate(`__rig.armFirstFrame('join')`)
      await passPrejoin(pupil, server)
      const first = await until('a first frame', () => pupil.evaluate<number | null>('__rig.firstFrameDelay()'), SANE_MS)
      figure(`network ${name} under ${engine}: first remote frame ${first.toFixed(0)} ms after the click on join`)
      await turnMicrophoneOn(pupil)
      await turnCameraOn(pupil)
      await untilAllFlow([teacher, pupil])
      assert.equal(await wayOf(pupil), way)
      check?.()
    }, { order: 'alone' })
  }

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

async function roomAt(ground: Ground, server: PreauServer, origin: string): Promise<RoomLinks> {
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  const links = await createRoom(origin).finally(() => {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  })
  ground.keepSecret(server, links)
  return links
}

function wayOf(page: TestPage): Promise<string | null> {
  return page.evaluate<string | null>('__rig.way()')
}

import assert from 'node:assert/strict'
import { shareScreen, turnMicrophoneOn } from './rig/call.ts'
import { figure } from './rig/figures.ts'
import { createRoom, guestPath } from './rig/link.ts'
import type { Arrival, TestPage } from './rig/page.ts'
import { OWN_ROAD, TwoRoads } from './rig/roads.ts'
import { rule, type Ground } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { voice } from './rig/voice.ts'

/** Bits per second that may reach whoever has a poor connection, every header included. */
const MOST_BITS = 64_000
/** Span over which they are counted. */
const SPAN_MS = 5_000
/** Pictures of the screen that end the rule. */
const STILLS = 3
/** Packets a second of sound in frames of 60 ms, and a tenth more. */
const MOST_FRAMES = (1_000 / 60) * 1.1

rule('a_poor_connection_gets_two_voices_and_stills_within_64_kbit_s', async (ground) => {
  const roads = TwoRoads.create()
  ground.afterwards(() => roads.remove())
  const server = await ground.server({ namespace: roads })
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  const links = await createRoom(server.httpsOrigin).finally(() => {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  })
  ground.keepSecret(server, links)
  const path = guestPath(links)

  const speakers: TestPage[] = []
  for (let seed = 1; seed <= 4; seed += 1) {
    speakers.push(await joinSaving(ground, `${server.httpsOrigin}${path}`, 'chromium', voice(seed)))
  }
  const fox = await joinSaving(ground, `${server.httpsOrigin}${path}`, 'firefox', '')
  speakers.push(fox)
  for (const page of speakers) await turnMicrophoneOn(page)
  for (const page of speakers.slice(0, 1)) await shareScreen(page)

  const saver = await joinSaving(ground, `https://${roads.lastingAddress}:${server.ports.https}${path}`, 'chromium', '')
  const heard = async (): Promise<Arrival[]> => (await saver.arrivals()).filter(({ source, energy }) => source === 'microphone' && energy > 0)
  await until('two voices are heard', async () => (await heard()).length >= 2, 20_000)
  const samples: { at: number; bytes: number }[] = []
  const stills = async (): Promise<number> => (await saver.arrivals()).find(({ source }) => source === 'screen')?.frames ?? 0
  await until('stills of the screen arrive', async () => {
    samples.push({ at: performance.now(), bytes: roads.receivedOnLasting() })
    return (await stills()) >= STILLS
  }, 60_000, stills)

  const rates = samples.flatMap((to) => {
    const from = samples.findLast(({ at }) => to.at - at >= SPAN_MS)
    return from === undefined ? [] : [((to.bytes - from.bytes) * 8_000) / (to.at - from.at)]
  })
  const kilobits = (bits: number): string => (bits / 1_000).toFixed(1)
  figure(
    `poor connection, five speakers and a screen: ${kilobits(Math.min(...rates))} to ${kilobits(Math.max(...rates))} kbit/s ` +
      `of IP packets, the WebSocket's too, in ${rates.length} windows of 5 s over ${((samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0)).toFixed(0)} ms`,
  )
  assert.ok(rates.length > 0)
  assert.ok(Math.max(...rates) <= MOST_BITS, rates.map(kilobits).join(' '))

  for (const page of [speakers[0] ?? fox, fox]) {
    const frames = await framesOfSound(page)
    figure(`${page.engine} sends ${frames.toFixed(1)} packets of sound a second to a room with a poor connection`)
    assert.ok(frames <= MOST_FRAMES, `${page.engine}: ${frames} packets a second`)
  }
}, { order: 'alone', deadlineMs: 150_000 })

async function joinSaving(ground: Ground, link: string, engine: 'chromium' | 'firefox', before: string): Promise<TestPage> {
  const page = await ground.page(engine, { before: `${OWN_ROAD};${before}` })
  await page.goto(link)
  await page.click('saving-switch')
  await page.click('join')
  await page.find('participant-count')
  return page
}

/** Packets of sound a second, by the browser's own clock. */
async function framesOfSound(page: TestPage): Promise<number> {
  const first = await page.soundSent()
  const last = await until('more sound', async () => {
    const now = await page.soundSent()
    return now.packets - first.packets >= 40 && now
  })
  return ((last.packets - first.packets) * 1_000) / (last.at - first.at)
}

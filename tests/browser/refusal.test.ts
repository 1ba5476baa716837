import assert from 'node:assert/strict'
import { join, untilCount } from './rig/call.ts'
import { Bot, firstAnswer } from './rig/bot.ts'
import { figure } from './rig/figures.ts'
import { createRoom, freshSecret, guestPath, proofOf } from './rig/link.ts'
import { NetworkWithoutUdp } from './rig/namespace.ts'
import type { TestPage } from './rig/page.ts'
import { CutableRoad } from './rig/proxy.ts'
import { rule } from './rig/rule.ts'
import { refusal } from './rig/words.ts'

/** More difference than scheduling makes and less than any look-up worth hiding would. */
const MOST_DIFFERENCE_MS = 25

/** Rounds until the quickest answers of a busy machine are about equal. */
const MOST_ROUNDS = 30

rule('r09_a_wrong_secret_and_an_unknown_room_get_the_same_page', async (ground) => {
  const { server, links } = await ground.serverWithRoom()
  for (const engine of ['chromium', 'firefox'] as const) {
    const texts: string[] = []
    for (const wrong of [
      { ...links, guestSecret: freshSecret() },
      { ...links, room: freshSecret() },
    ]) {
      const page = await ground.page(engine)
      await page.goto(`${server.origin}${guestPath(wrong)}`)
      await page.click('join')
      texts.push(await untilRefused(page, 'join_refused'))
    }
    assert.equal(texts[0], texts[1])
  }
})

rule('r09_before_the_proof_every_refusal_is_the_same_answer_after_the_same_time', async (ground) => {
  const { server, links } = await ground.serverWithRoom({ maxParticipants: 1 })
  const ask = async (room: string, secret: string): Promise<{ text: string; delayMs: number }> => {
    const answer = await firstAnswer(server.origin, {
      type: 'join',
      protocolVersion: 2,
      room,
      proof: proofOf(secret),
      resume: null,
      displayName: null,
      language: null,
    })
    answer.socket.terminate()
    return { text: JSON.stringify(answer.message), delayMs: answer.delayMs }
  }
  const wrongSecret: number[] = []
  const unknownRoom: number[] = []
  const texts = new Set<string>()
  // A busy machine only ever adds time, so the quickest answer tells what the server itself takes.
  const difference = (): number => Math.abs(Math.min(...wrongSecret) - Math.min(...unknownRoom))
  for (let round = 0; round < 5 || (difference() >= MOST_DIFFERENCE_MS && round < MOST_ROUNDS); round += 1) {
    for (const [room, times] of [
      [links.room, wrongSecret],
      [freshSecret(), unknownRoom],
    ] as const) {
      const { text, delayMs } = await ask(room, freshSecret())
      texts.add(text)
      times.push(delayMs)
    }
  }
  assert.equal(texts.size, 1, [...texts].join(' '))
  assert.match([...texts][0] ?? '', /join_refused/)
  figure(`refusal of a wrong secret and of an unknown room: the quickest differ by ${difference().toFixed(1)} ms`)
  assert.ok(difference() < MOST_DIFFERENCE_MS, `the quickest of ${wrongSecret.length} differ by ${difference()} ms`)
}, { order: 'beside' })

rule('a_full_room_says_so_to_whoever_holds_the_link', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom({ maxParticipants: 2 })
  const one = await join(ground, server, guestLink, { name: 'Zoé Quetzal' })
  const two = await join(ground, server, guestLink, { name: 'Anselme Ibis' })
  const third = await ground.page('firefox')
  await third.goto(guestLink)
  await third.click('join')
  await untilRefused(third, 'room_full')
  await two.click('leave')
  await untilCount(one, 1)
  await third.click('retry')
  await untilCount(third, 2)
})

rule('a_cut_link_is_told_before_anything_is_asked', async (ground) => {
  const { server, guestLink } = await ground.serverWithRoom()
  const page = await ground.page()
  await page.goto(guestLink.slice(0, -3))
  await untilRefused(page, 'link_incomplete')
  assert.equal((await page.holdings()).sockets.length, 0)
  assert.ok(server.origin)
}, { order: 'beside' })

rule('a_browser_without_webrtc_is_told_so', async (ground) => {
  const { guestLink } = await ground.serverWithRoom()
  const page = await ground.page('chromium', {
    before: 'delete globalThis.RTCPeerConnection; delete globalThis.webkitRTCPeerConnection',
  })
  await page.goto(guestLink)
  await untilRefusedAfterJoin(page, 'browser_unsupported')
}, { order: 'beside' })

rule('an_unreachable_server_is_told_and_trying_again_helps', async (ground) => {
  ground.expectsNetworkErrors = true
  const { server, links } = await ground.serverWithRoom()
  const road = await CutableRoad.open(server.ports.http)
  ground.afterwards(() => road.close())
  const page = await ground.page()
  await page.goto(`http://localhost:${road.port}${guestPath(links)}`)
  await page.find('join')
  road.cut()
  await page.click('join')
  await untilRefused(page, 'server_unreachable')
  road.mend()
  await page.click('retry')
  await untilCount(page, 1)
}, { order: 'beside' })

rule('an_old_page_is_told_to_reload', async (ground) => {
  const { server, links } = await ground.serverWithRoom()
  const answer = await firstAnswer(server.origin, {
    type: 'join',
    protocolVersion: 0,
    room: links.room,
    proof: proofOf(links.guestSecret),
    resume: null,
    displayName: null,
    language: null,
  })
  answer.socket.terminate()
  assert.equal(answer.message['code'], 'protocol_version')
}, { order: 'beside' })

/** Waits for the refusal page of `problem` and gives its text. */
async function untilRefused(page: TestPage, problem: string): Promise<string> {
  const { title, help } = refusal(page.language, problem)
  await page.findSelector(`[data-testid=error-message][data-problem=${problem}]`, 20_000)
  await page.untilText(title)
  await page.untilText(help)
  return page.bodyText()
}

/** The same, whether the page says it at once or after the click on join. */
async function untilRefusedAfterJoin(page: TestPage, problem: string): Promise<void> {
  if (await page.has('join')) await page.click('join')
  await untilRefused(page, problem)
}

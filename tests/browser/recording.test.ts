import assert from 'node:assert/strict'
import { violations } from './rig/axe.ts'
import { askToRecord, join, turnCameraOn, turnMicrophoneOn, untilConnected, untilCount } from './rig/call.ts'
import { figure } from './rig/figures.ts'
import { assertInert, COUNT_HITS, INJECTIONS } from './rig/injections.ts'
import { guestPath, moderatorPath } from './rig/link.ts'
import { selfIdOf, untilAllFlow } from './rig/media.ts'
import type { TestPage } from './rig/page.ts'
import { CutableRoad } from './rig/proxy.ts'
import { describe, type Exported, KEEP_FILES, persons, PLAY_FILE, recordingOf, untilPictureMoves } from './rig/recordings.ts'
import { type Ground, rule } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

const DETAILS = INJECTIONS.slice(0, 60).join(' ').slice(0, 150).trim()
const AUDIENCE = INJECTIONS.slice(60).join(' ').slice(0, 150).trim()

rule(
  'r17_r18_r19_r20_r21_a_recording_holds_whoever_accepted_and_nobody_else',
  async (ground) => {
    const { server, links, guestLink } = await ground.serverWithRoom({ recording: true })
    const before = `${COUNT_HITS};${KEEP_FILES}`
    const teacher = await join(ground, server, `${server.origin}${moderatorPath(links)}`, { name: 'Maîtresse Loriot', before })
    const refuser = await join(ground, server, guestLink, { name: 'Anselme Ibis', before })
    const accepter = await join(ground, server, guestLink, { name: 'Ulysse Pinson', engine: 'firefox' })
    const present = [teacher, refuser, accepter]
    for (const page of present) {
      await turnMicrophoneOn(page)
      await turnCameraOn(page)
    }
    await askToRecord(teacher, { details: DETAILS, audience: AUDIENCE })

    for (const page of present) {
      await page.find('consent-banner')
      await page.find('recording-mark')
      for (const part of [DETAILS, AUDIENCE]) assert.ok((await page.text('consent-banner')).includes(part))
      await assertInert(page, server.origin)
      assert.equal(await recorded(page), 'false')
      // Beside the meeting: the focus stays where it was, and the controls can be reached.
      assert.equal(await page.evaluate<boolean>(`document.querySelector('[data-testid=consent-banner]').contains(document.activeElement)`), false)
      assert.equal(await reachable(page, 'mic-toggle'), true)
    }
    await noViolations(ground, refuser, 'consent')
    await refuser.click('consent-refuse')
    await accepter.click('consent-accept')
    await accepter.untilAttribute('recording-own', 'data-recorded', 'true')
    assert.match(await teacher.text('recording-counts'), /1 \D+1 \D+1 /)
    await teacher.click('people')
    await teacher.find('recorder')

    // Whoever refused stays, seen and heard; so does whoever said nothing.
    await untilAllFlow(present, ['camera', 'microphone'], 40_000)
    const accepted = await selfIdOf(accepter)
    const id = await recordingOf(server, links)
    await until('some seconds of one person are kept', async () => {
      const { tracks } = await describe(server, links, id)
      // A piece lies on the disk whole: some seconds of the meeting.
      return tracks.length >= 2 && tracks.every(({ segments }) => segments.length > 0)
    }, 40_000, () => describe(server, links, id))

    await accepter.click('consent-withdraw')
    await accepter.untilAttribute('recording-own', 'data-recorded', 'false')
    await accepter.find('consent-review')
    await untilAllFlow([teacher, accepter], ['camera'])
    await teacher.click('record-stop')
    for (const page of present) await page.find('recording-ended')
    for (const page of present) assert.equal(await page.has('recording-mark'), false)
    await refuser.close()
    await accepter.click('leave')

    await teacher.goto(`${server.origin}/recordings#v1m.${links.room}.${links.moderatorSecret}`)
    await teacher.click('recording-play')
    await teacher.find('recording-verified')
    assert.deepEqual(await persons(teacher), [accepted])
    await untilPictureMoves(teacher)
    await teacher.find('recording-verified')
    await assertInert(teacher, server.origin)
    await noViolations(ground, teacher, 'recordings')

    const began = performance.now()
    await teacher.click('recording-export')
    await teacher.find('export-done', 60_000)
    const file = await teacher.evaluate<Exported>(PLAY_FILE)
    figure(`export: ${file.seconds.toFixed(1)} s of a recording in ${((performance.now() - began) / 1000).toFixed(1)} s`)
    assert.deepEqual({ ...file, seconds: file.seconds > 2 }, { width: 960, height: 540, seconds: true, colours: true })
    await teacher.click('export-close')

    await teacher.click('recording-grant')
    await teacher.click('grant-make')
    const link = await teacher.text('grant-link')
    await teacher.click('grant-close')
    await accepter.goto(link)
    await accepter.click('recording-play')
    await accepter.find('recording-verified')
    assert.deepEqual(await persons(accepter), [accepted])
    await untilPictureMoves(accepter)
    assert.equal(await accepter.has('recording-erase-person'), false)
    await teacher.click('recording-revoke')
    await teacher.click('recording-revoke-confirm')
    await teacher.findSelector('[data-testid=recording-grants] [data-revoked=true]')
    await accepter.raw.reload()
    await accepter.click('recording-play')
    await accepter.find('recording-refusal')
    await accepter.untilText(words('fr', 'recordings.fault.refused'))

    await teacher.click('recording-erase-person')
    await teacher.click('recording-erase-person-confirm')
    await teacher.find('recording-nobody')
    assert.deepEqual(await persons(teacher), [])
    assert.deepEqual((await describe(server, links, id)).tracks, [])
    // A server says no by these.
    ground.expectsNetworkErrors = true
  },
  { deadlineMs: 180_000 },
)

rule(
  'r19_r20_a_page_that_was_cut_off_repeats_its_own_yes_and_one_loaded_anew_is_asked_again',
  async (ground) => {
    ground.expectsNetworkErrors = true
    const { server, links } = await ground.serverWithRoom({ recording: true })
    const teacher = await join(ground, server, `${server.origin}${moderatorPath(links)}`)
    await askToRecord(teacher, { details: DETAILS, audience: AUDIENCE })
    const road = await CutableRoad.open(server.ports.http)
    ground.afterwards(() => road.close())
    // A late comer: asked before anything of them can be recorded.
    const page = await join(ground, server, `http://localhost:${road.port}${guestPath(links)}`)
    await page.find('consent-banner')
    assert.equal(await recorded(page), 'false')
    await page.click('consent-accept')
    await page.untilAttribute('recording-own', 'data-recorded', 'true')
    await until('one accepted', async () => /^1 /.test(await teacher.text('recording-counts')))

    road.cut()
    await until('the answer is void', async () => /^0 /.test(await teacher.text('recording-counts')))
    road.mend()
    await untilConnected(page)
    await page.untilAttribute('recording-own', 'data-recorded', 'true')
    assert.equal(await page.has('consent-banner'), false)

    await page.raw.reload()
    await untilCount(page, 2)
    await page.find('consent-banner')
    assert.equal(await recorded(page), 'false')
    await until('nobody accepted', async () => /^0 /.test(await teacher.text('recording-counts')))
  },
  { order: 'beside' },
)

function recorded(page: TestPage): Promise<string | null> {
  return page.attribute('recording-own', 'data-recorded')
}

/** True when nothing lies over it. */
function reachable(page: TestPage, testid: string): Promise<boolean> {
  return page.evaluate(`(() => {
    const element = document.querySelector('[data-testid=${testid}]')
    const { left, top, width, height } = element.getBoundingClientRect()
    return element.contains(document.elementFromPoint(left + width / 2, top + height / 2))
  })()`)
}

async function noViolations(ground: Ground, page: TestPage, screen: string): Promise<void> {
  for (const violation of await violations(page)) ground.note(`${screen}: ${violation}`)
}

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import type { ElementHandle } from 'puppeteer-core'
import { passPrejoin } from './rig/call.ts'
import { temporaryFolder } from './rig/cleanup.ts'
import { givenBy, KEEP_GIVEN } from './rig/given.ts'
import { assertInert, COUNT_HITS, INJECTIONS } from './rig/injections.ts'
import { freshSecret } from './rig/link.ts'
import type { TestPage } from './rig/page.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

rule('a_room_of_the_chosen_kind_is_kept_in_the_teachers_own_browser_and_nowhere_else', async (ground) => {
  const server = await ground.server()
  const page = await ground.page('chromium', { before: KEEP_GIVEN })
  await page.goto(server.origin)
  assert.equal(await page.evaluate('localStorage.length'), 0)
  assert.equal(await page.evaluate(`document.querySelector('[data-testid=profile-classe]').checked`), true)
  await page.click('profile-audio')
  await page.click('create-room')
  const guest = await page.text('guest-link')
  assert.equal(JSON.parse(page.requests.findLast(({ method }) => method === 'POST')?.body ?? '{}').profile, 'audio')
  await page.untilText(words('fr', 'profile.audio.line'))
  const title = 'Chorale du mardi'
  server.forbidInLog(title)
  await page.click('keep-open')
  await page.fill('keep-title', title)
  await page.click('keep')
  await page.find('kept')

  await page.goto(`${server.origin}/rooms`)
  await page.untilText(title)
  await page.untilText(words('fr', 'rooms.warning'))
  assert.equal(new URL(await givenBy(page, 'room-copy', 'copied')).hash, new URL(guest).hash)
  const file = await givenBy(page, 'rooms-export', 'files')
  await page.click('room-open')
  await passPrejoin(page, server)
  await page.click('leave')
  await page.find('left-page')

  // Another machine takes the file; the first one forgets.
  const other = await ground.page()
  await other.goto(`${server.origin}/rooms`)
  await other.find('rooms-empty')
  await bringBack(other, '{"format":"preau-rooms","version":1,"rooms":[{}]}')
  await other.untilText(words('fr', 'keep.fault.damaged'))
  await bringBack(other, file)
  await other.untilText(title)
  await other.click('room-retitle')
  await other.fill('room-title', 'Chorale du jeudi')
  await other.click('room-title-save')
  await other.untilText('Chorale du jeudi')
  await page.goto(`${server.origin}/rooms`)
  await page.click('rooms-forget-all')
  await page.click('forget-confirm')
  await page.find('rooms-empty')
  assert.equal(await page.evaluate('localStorage.length'), 0)
  for (const each of [page, other]) {
    const told = each.requests.map(({ url, body }) => `${url} ${body}`).join('\n')
    assert.ok(!/Chorale/.test(told), 'the title left the browser')
  }
}, { order: 'beside' })

rule('titles_and_lists_from_a_file_that_would_run_as_script_stay_texts', async (ground) => {
  const server = await ground.server()
  const page = await ground.page('chromium', { before: `${KEEP_GIVEN}\n${COUNT_HITS}` })
  await page.goto(`${server.origin}/rooms`)
  // As many as may be kept, and the rest as a second file.
  const halves = [INJECTIONS.slice(0, 64), INJECTIONS.slice(64)]
  const seen: string[] = []
  for (const titles of halves) {
    await bringBack(page, JSON.stringify({ format: 'preau-rooms', version: 1, rooms: titles.map(roomOf) }))
    await until('all of them are shown', async () => (await shownTitles(page)).length === titles.length, 15_000, () => page.bodyText())
    seen.push(...(await shownTitles(page)))
    await page.clickSelector('[data-testid=kept-room] summary')
    await page.find('pupil-links-print')
    await assertInert(page, server.origin)
    await page.click('room-forget')
    await page.find('forget-confirm')
    await assertInert(page, server.origin)
    await page.click('forget-cancel')
    await page.click('rooms-forget-all')
    await page.click('forget-confirm')
    await page.find('rooms-empty')
  }
  assert.deepEqual(seen, [...INJECTIONS])
}, { order: 'beside' })

/** A room called so, whose list has one person called so. */
function roomOf(title: string): object {
  return {
    room: freshSecret(),
    moderator: freshSecret(),
    title,
    profile: 'classe',
    endsAt: null,
    generation: 0,
    pupils: [{ name: title, admission: freshSecret() }],
  }
}

function shownTitles(page: TestPage): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll('[data-testid=kept-room] h2')].map((one) => one.textContent)`)
}

/** Chooses a file with this text. */
async function bringBack(page: TestPage, text: string): Promise<void> {
  const path = joinPath(temporaryFolder('file'), 'rooms.json')
  writeFileSync(path, text)
  const field = (await page.raw.$('[data-testid=rooms-import-file]')) as ElementHandle<HTMLInputElement> | null
  await field?.uploadFile(path)
}

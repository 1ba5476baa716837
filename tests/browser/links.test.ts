import assert from 'node:assert/strict'
import { firstAnswer } from './rig/bot.ts'
import { passPrejoin } from './rig/call.ts'
import { figure } from './rig/figures.ts'
import { givenBy, KEEP_GIVEN } from './rig/given.ts'
import { assertInert, COUNT_HITS, INJECTIONS } from './rig/injections.ts'
import { press, tabTo } from './rig/keyboard.ts'
import { createRoom, guestPath, guestSecretOf, handleOf, moderatorPath, proofOf, type Profile, type RoomLinks } from './rig/link.ts'
import { selfIdOf } from './rig/media.ts'
import type { TestPage } from './rig/page.ts'
import { rule, type Ground } from './rig/rule.ts'
import type { PreauServer } from './rig/server.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

/** From the click to the refusal of the old link. */
const DEAD_WITHIN_MS = 1_000

rule('r10_a_link_is_replaced_by_one_click_and_the_old_one_is_dead_within_a_second', async (ground) => {
  const { server, links, teacher } = await lesson(ground, 'reunion')
  const before = await ground.page()
  await before.goto(`${server.origin}${guestPath(links)}`)
  await passPrejoin(before, server)
  await openInvite(teacher)
  assert.equal(new URL(await teacher.text('guest-link')).hash, `#v1.${links.guestSecret}`)

  const began = performance.now()
  await teacher.click('rotate-link')
  await until('the old link is refused', async () => (await answerTo(server, links)) === 'error:join_refused')
  const took = performance.now() - began
  figure(`replaced link: the old one is refused ${took.toFixed(0)} ms after the click`)
  assert.ok(took < DEAD_WITHIN_MS, `the old link lived for ${took} ms`)
  await teacher.untilText(words('fr', 'links.rotated'))
  const renewed = { ...links, guestSecret: guestSecretOf(links.moderatorSecret, 1) }
  ground.keepSecret(server, renewed)
  assert.equal(await hashOf(await givenBy(teacher, 'rotated-link-copy', 'copied')), `#v1.${renewed.guestSecret}`)
  assert.equal(await answerTo(server, renewed), 'joined')
  assert.equal((await before.tiles()).length > 1, true, 'whoever was in stays')

  // Another page that holds the moderator link follows, and so does this one after a reload.
  const colleague = await ground.page()
  await colleague.goto(`${server.origin}${moderatorPath(links)}`)
  await passPrejoin(colleague, server)
  await openInvite(colleague)
  await until('the colleague sees the new link', async () => (await hashOf(await colleague.text('guest-link'))) === `#v1.${renewed.guestSecret}`)
  await colleague.click('rotate-link')
  const third = `#v1.${guestSecretOf(links.moderatorSecret, 2)}`
  await until('the first page follows', async () => (await hashOf(await teacher.text('guest-link'))) === third)
  await teacher.raw.reload()
  await openInvite(teacher)
  await until('so it does after a reload', async () => (await hashOf(await teacher.text('guest-link'))) === third)

  // And it may end by itself, which holds for everybody new.
  await teacher.click('link-until-lesson')
  await teacher.untilAttribute('link-until-lesson', 'aria-pressed', 'true')
  assert.match(await teacher.text('link-until'), /\d{2}:\d{2}/)
  await teacher.click('link-until-room')
  await teacher.untilText(words('fr', 'links.lasts'))
}, { order: 'beside' })

rule('r09_a_list_of_names_gives_personal_links_and_never_leaves_the_browser', async (ground) => {
  const { server, links, teacher } = await lesson(ground, 'classe')
  const names = ['Théodule Gypaète', 'Philomène Tichodrome', 'Anatole Engoulevent']
  for (const name of names) server.forbidInLog(name)
  await openInvite(teacher)
  await teacher.click('pupil-links')
  await teacher.fill('pupil-names', names.join('\n'))
  await teacher.click('pupil-links-make')
  await until('three links', async () => (await pupils(teacher)).length === 3, 15_000, () => teacher.bodyText())
  const table = await givenBy(teacher, 'pupil-links-copy', 'copied')
  const rows = table.trim().split('\n').map((line) => line.split('\t') as [string, string])
  assert.deepEqual(rows.map(([name]) => name), names)
  assert.equal(await givenBy(teacher, 'pupil-links-file', 'files'), table, 'the file is the table')
  const printed = await givenBy(teacher, 'pupil-links-print', 'printed')
  for (const [name, link] of rows) assert.ok(printed.includes(name) && printed.includes(link), name)
  const hashes = rows.map(([, link]) => new URL(link).hash)
  for (const hash of hashes) assert.match(hash, new RegExp(`^#v1p\\.${links.guestSecret}\\.[\\w-]{22}$`))
  assert.equal(new Set(hashes).size, 3)

  // A personal link lets its holder in at once, where others wait; the teacher's page knows who it is.
  const pupil = await ground.page()
  await pupil.goto(`${server.origin}/r/${links.room}${hashes[1] ?? ''}`)
  await passPrejoin(pupil, server, 'Loutre')
  await until('the second one is present', async () => (await pupils(teacher)).join() === 'false,true,false')
  await teacher.click('links-close')
  await teacher.click('people')
  await teacher.untilText(words('fr', 'links.knownAs').replace('{name}', names[1] ?? ''))
  assert.ok(!(await pupil.bodyText()).includes(names[1] ?? ''))

  // Cut, it is told so; withdrawn, its holder is sent out and it opens nothing.
  const cut = await ground.page()
  await cut.goto(`${server.origin}/r/${links.room}${(hashes[1] ?? '').replace(/\.[\w-]+$/, '')}`)
  await cut.findSelector('[data-testid=error-message][data-problem=link_incomplete]')
  await openInvite(teacher)
  await teacher.click('pupil-links')
  await teacher.clickSelector('[data-testid=pupil][data-present=true] [data-testid=pupil-revoke]')
  await teacher.click('pupil-revoke-confirm')
  await pupil.untilText(words('fr', 'left.title.ejected'))
  await until('two links are left', async () => (await pupils(teacher)).length === 2)
  await pupil.goto('about:blank')
  await pupil.goto(`${server.origin}/r/${links.room}${hashes[1] ?? ''}`)
  await pupil.click('join')
  await pupil.findSelector('[data-testid=error-message][data-problem=link_ended]')

  const told = await toldBy(teacher)
  assert.ok(told.includes(handleOf((hashes[0] ?? '').split('.')[2] ?? '')), 'the server was told of the link')
  for (const name of names) {
    for (const part of name.split(' ')) assert.ok(!told.includes(part), `${part} left the browser`)
  }
  for (const hash of hashes) assert.ok(!told.includes(hash.split('.')[2] ?? '?'), 'the secret of a link left the browser')
  assert.equal(await teacher.evaluate<number>('localStorage.length'), 0, 'nothing is kept without a click for it')
}, { order: 'beside' })

rule('names_that_would_run_as_script_stay_names', async (ground) => {
  const { server, teacher } = await lesson(ground, 'classe', COUNT_HITS)
  await openInvite(teacher)
  await teacher.click('pupil-links')
  // Pasted at once, as teachers do.
  const field = await teacher.find('pupil-names')
  await field.evaluate((node, text) => {
    ;(node as HTMLTextAreaElement).value = text
    node.dispatchEvent(new Event('input', { bubbles: true }))
  }, INJECTIONS.join('\n'))
  await teacher.click('pupil-links-make')
  await until('all have a link', async () => (await pupils(teacher)).length === INJECTIONS.length, 15_000, () => teacher.bodyText())
  const shown = await teacher.evaluate<string[]>(`[...document.querySelectorAll('[data-testid=pupil] bdi')].map((one) => one.textContent)`)
  assert.deepEqual(shown, INJECTIONS)
  const paper = await givenBy(teacher, 'pupil-links-print', 'printed')
  for (const text of INJECTIONS) assert.ok(paper.includes(text), text)
  await assertInert(teacher, server.origin)
}, { order: 'beside' })

rule('rooms_and_their_links_are_made_replaced_kept_and_withdrawn_by_keyboard_alone', async (ground) => {
  const server = await ground.server()
  const page = await ground.page()
  await page.goto(server.origin)
  await page.find('create-room')
  await tabTo(page, 'profile-classe')
  for (const next of ['sensible', 'reunion']) {
    await page.raw.keyboard.press('ArrowDown')
    assert.equal(await page.evaluate('document.activeElement.dataset.testid'), `profile-${next}`)
  }
  await press(page, 'create-room', 'Enter')
  await page.find('enter-room')
  await press(page, 'keep-open', 'Enter')
  await tabTo(page, 'keep-title')
  await page.raw.keyboard.type('Latin')
  await press(page, 'keep', 'Enter')
  await page.find('kept')
  await press(page, 'enter-room', 'Enter')
  await page.find('join')
  await press(page, 'join', 'Enter')
  await selfIdOf(page)
  await press(page, 'more', 'Enter')
  await page.find('invite')
  await press(page, 'invite', 'Enter')
  await page.find('rotate-link')
  await press(page, 'rotate-link', 'Enter')
  await page.find('link-rotated')
  await press(page, 'pupil-links', 'Enter')
  await page.find('pupil-names')
  await tabTo(page, 'pupil-names')
  await page.raw.keyboard.type('Zoé\nNoé')
  await press(page, 'pupil-links-make', 'Enter')
  await until('both have a link', async () => (await pupils(page)).length === 2, 15_000, () => page.bodyText())
  await press(page, 'pupil-revoke', 'Enter')
  await page.find('pupil-revoke-confirm')
  await until('the focus stays in the row', () => page.evaluate<boolean>(`document.activeElement.closest('[data-testid=pupil]') !== null`))
  await press(page, 'pupil-revoke-confirm', 'Enter')
  await until('one is left', async () => (await pupils(page)).length === 1)
  await until('the focus stays in the dialog', () => page.evaluate<boolean>(`document.activeElement.closest('dialog') !== null`))
  await page.raw.keyboard.press('Escape')
  await until('the dialog closes', async () => !(await page.has('links-close')))
}, { order: 'beside' })

rule('a_link_that_says_another_role_than_its_secret_becomes_what_it_is', async (ground) => {
  const server = await ground.server()
  const links = await createRoom(server.origin)
  ground.keepSecret(server, links)
  for (const [said, secret, is] of [
    ['v1', links.moderatorSecret, 'v1m'],
    ['v1m', links.guestSecret, 'v1'],
  ] as const) {
    const page = await ground.page()
    await page.goto(`${server.origin}/r/${links.room}#${said}.${secret}`)
    await passPrejoin(page, server)
    await until('the address is mended', async () => (await page.evaluate<string>('location.hash')) === `#${is}.${secret}`)
    if (is === 'v1') {
      assert.equal(await page.has('more') && (await hasInvite(page)), false, 'a guest has no links to give')
      continue
    }
    await openInvite(page)
    assert.equal(await hashOf(await page.text('guest-link')), `#v1.${links.guestSecret}`, 'never the secret of the moderator')
  }
}, { order: 'beside' })

/** A teacher alone in a room of their own. */
async function lesson(
  ground: Ground,
  profile: Profile,
  before = '',
): Promise<{ server: PreauServer; links: RoomLinks; teacher: TestPage }> {
  const server = await ground.server()
  const links = await createRoom(server.origin, profile)
  ground.keepSecret(server, links)
  const teacher = await ground.page('chromium', { before: `${KEEP_GIVEN}\n${before}` })
  await teacher.cdp?.send('Network.enable')
  teacher.cdp?.on('Network.webSocketFrameSent', ({ response }) => frames.set(teacher, [...(frames.get(teacher) ?? []), response.payloadData]))
  await teacher.goto(`${server.origin}${moderatorPath(links)}`)
  await passPrejoin(teacher, server)
  return { server, links, teacher }
}

const frames = new WeakMap<TestPage, string[]>()

/** Everything the page said to anybody: addresses with what follows, bodies, messages. */
async function toldBy(page: TestPage): Promise<string> {
  const sent = frames.get(page) ?? []
  assert.ok(sent.length > 3, 'messages were seen')
  return [...page.requests.map(({ url, body }) => `${url.replace(/#.*/, '')} ${body}`), ...sent].join('\n')
}

async function openInvite(page: TestPage): Promise<void> {
  await selfIdOf(page)
  await page.click('more')
  await page.click('invite')
  await page.find('links-close')
}

async function hasInvite(page: TestPage): Promise<boolean> {
  await page.click('more')
  return page.has('invite')
}

/** Who of the list is present, in its order. */
function pupils(page: TestPage): Promise<boolean[]> {
  return page.evaluate(`[...document.querySelectorAll('[data-testid=pupil]')].map((one) => one.dataset.present === 'true')`)
}

async function hashOf(link: string): Promise<string> {
  return new URL(link).hash
}

/** What the server says to somebody new who holds these links' guest link. */
async function answerTo(server: PreauServer, links: RoomLinks): Promise<string> {
  const { socket, message } = await firstAnswer(server.origin, {
    type: 'join',
    protocolVersion: 2,
    room: links.room,
    proof: proofOf(links.guestSecret),
    handle: null,
    resume: null,
    displayName: null,
    language: null,
  })
  socket.terminate()
  return message['type'] === 'error' ? `error:${String(message['code'])}` : String(message['type'])
}

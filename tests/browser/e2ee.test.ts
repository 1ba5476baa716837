// Rooms that are end-to-end encrypted, by their screens, in both browsers.

import assert from 'node:assert/strict'
import { join, passPrejoin, shareScreen, turnCameraOn, turnMicrophoneOn, untilNames } from './rig/call.ts'
import { counted, enter, localOf, openClass, openRoom, untilEncrypted } from './rig/encrypted.ts'
import { createRoom, encryptedPaths, guestPath } from './rig/link.ts'
import { selfIdOf, untilReceives } from './rig/media.ts'
import type { TestPage } from './rig/page.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { words } from './rig/words.ts'

rule(
  'e2ee_a_class_made_by_one_click_is_encrypted_in_both_browsers',
  async (ground) => {
    const { server, teacher, guest, talk } = await openClass(ground)
    const pupil = await enter(ground, server, teacher, guest, 'firefox', 'Zoé Chiffrée')
    await untilEncrypted([teacher, pupil], 2)
    await untilNames(teacher, ['Mme Secrète', 'Zoé Chiffrée'])
    await untilNames(pupil, ['Mme Secrète', 'Zoé Chiffrée'])

    await turnCameraOn(teacher)
    await turnCameraOn(pupil)
    await untilReceives(pupil, teacher, 'camera')
    await untilReceives(teacher, pupil, 'camera')
    await turnMicrophoneOn(teacher)
    await turnMicrophoneOn(pupil)
    await untilReceives(pupil, teacher, 'microphone')
    await untilReceives(teacher, pupil, 'microphone')

    await write(pupil, 'Le mot que personne ne lit')
    server.forbidInLog('Le mot que personne ne lit')
    await untilReads(teacher, 'Le mot que personne ne lit')
    await pupil.click('hand')
    await until('the hand is seen', async () => (await teacher.text('hand-queue')).includes('Zoé Chiffrée'))
    await teacher.click('hand-lower')
    await pupil.untilAttribute('hand', 'aria-pressed', 'false')

    await shareScreen(teacher)
    await untilReceives(pupil, teacher, 'screen')
    await untilReceives(pupil, teacher, 'camera')
    const told = talk.join('\n')
    assert.ok(told.includes('mls_say') && told.includes('mls_said'), 'what the teacher and the server said was seen')
    for (const secret of ['Zoé', 'Chiffrée', 'Secrète', 'Le mot que personne']) assert.ok(!told.includes(secret), `the server read ${secret}`)
    for (const page of [teacher, pupil]) {
      const counts = await counted(page, 2)
      assert.ok(counts.length === 2 && counts.every(({ clear, good }) => clear === 0 && good > 0), JSON.stringify(counts))
    }
    const codes = await Promise.all([teacher, pupil].map(codeOf))
    assert.match(codes[0] ?? '', /^[\p{L}-]+ [\p{L}-]+ [\p{L}-]+ \d{3} \d{3}$/u)
    assert.equal(codes[0], codes[1], 'everybody sees the same code')
  },
  { deadlineMs: 180_000 },
)

rule(
  'e2ee_a_reload_and_an_ejection_change_who_has_the_keys',
  async (ground) => {
    const { server, teacher, guest } = await openClass(ground)
    const stays = await enter(ground, server, teacher, guest, 'chromium', 'Reste')
    const goes = await enter(ground, server, teacher, guest, 'chromium', 'Part')
    await untilEncrypted([teacher, stays, goes], 3)
    await turnCameraOn(teacher)
    await untilReceives(stays, teacher, 'camera')
    await untilReceives(goes, teacher, 'camera')

    // By the same admission, and as the same person.
    await stays.raw.reload()
    await stays.find('participant-count')
    await untilEncrypted([teacher, stays, goes], 3)
    await untilReceives(stays, teacher, 'camera')
    await untilNames(teacher, ['Mme Secrète', 'Part', 'Reste'])
    await untilNames(stays, ['Mme Secrète', 'Part', 'Reste'])

    const id = await selfIdOf(goes)
    await teacher.click('people')
    await teacher.clickSelector(`.person[data-participant="${id}"] [data-testid=person-menu]`)
    await teacher.click('eject')
    await teacher.click('eject-confirm')
    await goes.untilText(words('fr', 'left.title.ejected'))
    await untilEncrypted([teacher, stays], 2)
    await untilReceives(stays, teacher, 'camera')
  },
  { order: 'beside', deadlineMs: 180_000 },
)

rule('e2ee_a_room_without_encryption_says_so_to_everybody', async (ground) => {
  const server = await ground.server()
  const page = await ground.page()
  await page.goto(server.origin)
  await page.click('profile-reunion')
  await page.click('encryption-more')
  await page.click('unencrypted')
  await page.click('create-room')
  const guest = await page.text('guest-link')
  assert.match(new URL(guest).hash, /^#v1\./)
  await page.click('enter-room')
  await passPrejoin(page, server)
  const pupil = await ground.page('firefox')
  await pupil.goto(localOf(server, guest))
  assert.equal(await pupil.attribute('prejoin-encryption', 'data-encrypted'), 'false')
  await passPrejoin(pupil, server)
  for (const one of [page, pupil]) {
    await one.click('e2ee-none')
    await one.untilText(words('fr', 'e2ee.card.none'))
  }
})

rule('e2ee_links_that_are_not_whole_or_not_true_do_not_enter', async (ground) => {
  const { server, guest } = await openClass(ground)
  const plain = await createRoom(server.origin)
  const { pathname, hash } = new URL(guest)
  const [, secret = '', print = ''] = hash.split('.')
  const other = `${print.startsWith('A') ? 'B' : 'A'}${print.slice(1)}`
  const fates: [link: string, problem: string][] = [
    [`${pathname}${hash.slice(0, -1)}`, 'link_incomplete'],
    [`${pathname}#v1e.${secret}`, 'link_incomplete'],
    // In clear into an encrypted room, and the other way round.
    [`${pathname}#v1.${secret}`, 'encryption_required'],
    [`${guestPath(plain).replace('#v1.', '#v1e.')}.${print}`, 'not_encrypted'],
  ]
  for (const [link, problem] of fates) {
    const page = await ground.page()
    await page.goto(`${server.origin}${link}`)
    if (problem !== 'link_incomplete') await page.click('join')
    await page.untilAttribute('error-message', 'data-problem', problem)
  }
  // The host key is not the one of the link: seen once the room is entered, and nothing was sent.
  const open = await openRoom(ground, 'reunion')
  const altered = new URL(open.guest)
  const page = await ground.page()
  await page.goto(`${open.server.origin}${altered.pathname}${altered.hash.replace(/\.[^.]+$/, `.${other}`)}`)
  await page.click('join')
  await page.untilAttribute('error-message', 'data-problem', 'encryption_other_key')
}, { order: 'beside' })

rule('e2ee_a_browser_that_cannot_encrypt_is_told_before_it_joins', async (ground) => {
  const { guest, server } = await openClass(ground)
  for (const [before, problem] of [
    ['delete globalThis.RTCRtpScriptTransform', 'encryption_no_frames'],
    ['SubtleCrypto.prototype.generateKey = () => Promise.reject(new DOMException("no", "NotSupportedError"))', 'encryption_no_curves'],
  ] as const) {
    const page = await ground.page('chromium', { before })
    await page.goto(localOf(server, guest))
    await page.untilAttribute('error-message', 'data-problem', problem)
    assert.deepEqual((await page.holdings()).sockets, [])
  }
}, { order: 'beside' })

rule(
  'e2ee_a_room_of_whole_frames_is_for_chromium_and_shows_no_byte_of_them',
  async (ground) => {
    const server = await ground.server()
    const flags = { open: true, raw: true }
    const links = await createRoom(server.origin, 'reunion', flags)
    ground.keepSecret(server, links)
    const paths = encryptedPaths(links, flags)
    const teacher = await join(ground, server, `${server.origin}${paths.moderator}`)
    const pupil = await join(ground, server, `${server.origin}${paths.guest}`)
    await untilEncrypted([teacher, pupil], 2)
    await turnCameraOn(teacher)
    await turnMicrophoneOn(teacher)
    await untilReceives(pupil, teacher, 'camera')
    await untilReceives(pupil, teacher, 'microphone')
    const firefox = await ground.page('firefox')
    await firefox.goto(`${server.origin}${paths.guest}`)
    await firefox.untilAttribute('error-message', 'data-problem', 'encryption_no_raw')
  },
  { deadlineMs: 120_000 },
)

rule(
  'e2ee_with_the_lobby_open_a_moderator_vouches_without_a_click_and_a_wrong_clock_is_told',
  async (ground) => {
    const { server, teacher, guest } = await openClass(ground)
    await teacher.click('more')
    await teacher.click('rules')
    await teacher.click('rule-lobby')
    await teacher.untilAttribute('rule-lobby', 'aria-checked', 'false')
    const pupil = await join(ground, server, localOf(server, guest), { name: 'Zoé Quetzal' })
    await untilEncrypted([teacher, pupil], 2)
    await untilNames(pupil, ['Mme Secrète', 'Zoé Quetzal'])

    const late = await ground.page('chromium', { before: 'Date.now = ((now) => () => now() + 3 * 24 * 3600 * 1000)(Date.now)' })
    await late.goto(localOf(server, guest))
    await late.click('join')
    await late.untilAttribute('error-message', 'data-problem', 'clock_wrong')
  },
  { order: 'beside', deadlineMs: 120_000 },
)

async function codeOf(page: TestPage): Promise<string> {
  await page.click('e2ee-lock')
  const code = await page.text('e2ee-code')
  await page.click('e2ee-close')
  return code.trim()
}

async function write(page: TestPage, text: string): Promise<void> {
  await page.click('chat')
  await page.fill('chat-input', text)
  await page.raw.keyboard.press('Enter')
}

async function untilReads(page: TestPage, text: string): Promise<void> {
  await page.click('chat')
  await until(`${page.engine} reads it`, async () => (await page.text('chat-log')).includes(text))
}

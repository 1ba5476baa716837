import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { administration } from './administration-screens.ts'
import { classLife } from './class-screens.ts'
import { encryption } from './e2ee-screens.ts'
import { moderation } from './moderation-screens.ts'
import { recordings } from './recording-screens.ts'
import { looked, violations } from './rig/axe.ts'
import { Bot } from './rig/bot.ts'
import {
  confirm,
  hold,
  passPrejoin,
  shareScreen,
  turnCameraOn,
  turnMicrophoneOn,
  untilConnected,
  untilConnection,
  untilCount,
} from './rig/call.ts'
import { freshSecret, guestPath, guestSecretOf, moderatorPath } from './rig/link.ts'
import type { TestPage } from './rig/page.ts'
import { CutableRoad } from './rig/proxy.ts'
import { rule, type Ground } from './rig/rule.ts'
import { PREAU_BIN } from './rig/server.ts'
import { words, type Language } from './rig/words.ts'

const FOLDER = new URL('./screenshots/', import.meta.url).pathname
const DESKTOP = { width: 1440, height: 900 }
const PHONE = { width: 390, height: 844 }

/** People of a whole class beside the one who looks. */
const CLASSMATES = 29

/** Walks that came to their end, and how many there are. */
let walked = 0
const WALKS = 8

/** How a person has it. */
export interface Look {
  language: Language
  dark: boolean
}

// Colours do not depend on the language, nor the room a text takes on the colours: each of the four
// is seen once.
for (const look of [
  { language: 'fr', dark: false },
  { language: 'en', dark: true },
] as const) {
  const name = `${look.language}-${look.dark ? 'dark' : 'light'}`
  const walk = async (ground: Ground, parts: readonly ((ground: Ground, look: Look, see: See) => Promise<void>)[]): Promise<void> => {
    const see = async (screen: string, page: TestPage): Promise<void> => {
      for (const [size, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
        await page.raw.setViewport(viewport)
        await settled(page)
        const folder = `${FOLDER}${name}/${size}`
        mkdirSync(folder, { recursive: true })
        await page.screenshot(`${folder}/${screen}.png`)
        const language = await page.evaluate<string>('document.documentElement.lang')
        if (!language.startsWith(look.language)) ground.note(`${screen}: lang is ${language}`)
        const wide = await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')
        if (wide) ground.note(`${screen} ${size}: scrolls sideways`)
        for (const violation of await violations(page)) ground.note(`${screen} ${size}: ${violation}`)
      }
      await page.raw.setViewport(DESKTOP)
    }
    ground.expectsNetworkErrors = true
    for (const part of parts) await part(ground, look, see)
    walked += 1
    if (walked === WALKS) keepAudit(await (await ground.page()).raw.browser().version())
  }
  rule(
    `no_accessibility_rule_is_broken_on_any_screen_of_encryption_${name}`,
    (ground) => walk(ground, [encryption]),
    { order: 'beside', deadlineMs: 180_000 },
  )
  rule(
    `no_accessibility_rule_is_broken_on_any_screen_of_administration_${name}`,
    (ground) => walk(ground, [administration]),
    { order: 'beside', deadlineMs: 120_000 },
  )
  rule(
    `no_accessibility_rule_is_broken_on_any_screen_of_recordings_${name}`,
    (ground) => walk(ground, [recordings]),
    { order: 'beside', deadlineMs: 180_000 },
  )
  rule(
    `no_accessibility_rule_is_broken_on_any_screen_${name}`,
    (ground) => walk(ground, [beforeTheCall, theCall, moderation, classLife, refusals]),
    { order: 'beside', deadlineMs: 420_000 },
  )
}

/** Leaves what the accessibility statement is made from; `signaling/src/papers/accessibility.json` is a copy. */
function keepAudit(browser: string): void {
  const { views, rules, violations: broken, axe } = looked
  // The hash of the pages stands on a second line.
  const [line = ''] = execFileSync(PREAU_BIN, ['--version'], { encoding: 'utf8' }).split('\n')
  const version = line.split(' ').at(-1)
  const date = new Date().toISOString().slice(0, 10)
  const audit = { views, rules: rules.size, violations: broken, axe, browser, version, date }
  writeFileSync(`${FOLDER}accessibility.json`, `${JSON.stringify(audit, null, 2)}\n`)
}

/** Takes a picture of a screen in both sizes, and looks for broken rules. */
export type See = (screen: string, page: TestPage) => Promise<void>

async function beforeTheCall(ground: Ground, look: Look, see: See): Promise<void> {
  const { server, guestLink } = await ground.serverWithRoom()
  const page = await ground.page('chromium', look)
  await page.goto(server.origin)
  await page.find('create-room')
  await see('01-home', page)
  await page.click('encryption-more')
  await page.click('unencrypted')
  await see('01-home-unencrypted', page)
  await page.click('unencrypted')
  await page.click('create-room')
  await page.find('guest-link')
  await see('02-created', page)
  await page.click('keep-open')
  await page.fill('keep-title', 'Français, 3e B')
  await page.click('keep')
  await page.find('kept')
  await page.goto(`${server.origin}/rooms`)
  await page.find('room-open')
  await see('02-rooms', page)
  await page.click('rooms-forget-all')
  await page.find('forget-confirm')
  await see('02-rooms-forget', page)
  await page.click('forget-confirm')
  await page.find('rooms-empty')
  await see('02-rooms-empty', page)
  await page.goto(`${server.origin}/notice`)
  await page.findSelector('h1')
  await see('03-notice', page)
  await page.goto(`${server.origin}/chiffrement`)
  await page.findSelector('.limits')
  await see('03-encryption', page)
  await page.goto(`${server.origin}/nowhere`)
  await page.untilText(words(look.language, 'unknown.title'))
  await see('04-unknown-page', page)
  await page.goto(`${server.origin}/test`)
  await page.find('test-report', 20_000)
  await see('07-connection-test', page)
  await page.goto(guestLink)
  await page.find('join')
  await see('05-prejoin', page)
  await page.click('check-devices')
  await page.untilText(words(look.language, 'check.private'))
  await see('06-prejoin-check', page)
  await page.clickNamed('check.stop')
  await page.close()
}

async function theCall(ground: Ground, look: Look, see: See): Promise<void> {
  const { server, links } = await ground.serverWithRoom()
  const road = await CutableRoad.open(server.ports.http)
  ground.afterwards(() => road.close())
  const page = await ground.page('chromium', look)
  await page.goto(`http://localhost:${road.port}${moderatorPath(links)}`)
  await passPrejoin(page, server, 'Maîtresse Loriot')
  await see('10-call-alone', page)
  const other = await ground.page('chromium', { language: look.language })
  await other.goto(`${server.origin}${guestPath(links)}`)
  await passPrejoin(other, server, 'Zoé Quetzal')
  await turnMicrophoneOn(other)
  await turnCameraOn(other)
  await untilCount(page, 2)
  await untilConnected(page)
  await see('11-call-two', page)
  await page.click('diagnostics-open')
  await page.find('diagnostics-report')
  await page.click('saving-switch')
  await see('11-diagnostics', page)
  await page.click('diagnostics-close')
  await page.find('tile-note')
  await see('11-poor-connection', page)
  await page.click('diagnostics-open')
  await page.click('saving-switch')
  await page.click('diagnostics-close')
  await hold(page, 'camera', words(look.language, 'camera.waiting'))
  await see('12-camera-preview', page)
  await confirm(page, 'camera')
  await turnMicrophoneOn(page)
  await page.click('more')
  await page.find('invite')
  await see('13-more', page)
  for (const layout of ['speaker', 'strip', 'presenter', 'auto']) {
    await page.click(`layout-${layout}`)
    await see(`13-layout-${layout}`, page)
  }
  await page.click('shortcuts')
  await page.find('shortcuts-switch')
  await see('13-shortcuts', page)
  await page.click('shortcuts-close')
  await page.click('more')
  await page.click('devices')
  await page.click('background-yard')
  await page.untilText(words(look.language, 'care.hidden'))
  await see('12-devices', page)
  await page.click('background-yard')
  await page.click('device-panel-close')
  await page.click('more')
  await page.click('invite')
  await page.untilText(words(look.language, 'invite.help'))
  await see('13-invite', page)
  await page.click('pupil-links')
  await page.find('pupil-names')
  await see('13-pupil-links', page)
  await page.fill('pupil-names', 'Théodule Gypaète\nPhilomène Tichodrome-Échelette du Grand Causse')
  await page.click('pupil-links-make')
  await page.find('pupil')
  await page.click('pupil-revoke')
  await see('13-pupil-list', page)
  await page.click('links-back')
  await page.click('rotate-link')
  await page.find('link-rotated')
  await see('13-rotated', page)
  await page.click('keep-open')
  await page.find('keep-title')
  await see('13-keep', page)
  await page.raw.keyboard.press('Escape')
  await page.click('people')
  await see('13-people', page)
  await page.click('people')
  await page.click('rename')
  await see('14-rename', page)
  await page.raw.keyboard.press('Escape')
  await page.click('people')
  await hold(page, 'screen', words(look.language, 'screen.waiting'))
  await see('15-screen-reminder', page)
  await confirm(page, 'screen')
  await page.untilText(words(look.language, 'screen.sharing'))
  await see('17-sharing', page)
  await see('18-screen-of-another', other)
  await page.click('screen-stop')
  await shareScreen(other)
  await other.click('screen-stop')

  const bots = await Promise.all(
    // By the link that took the first one's place.
    Array.from({ length: CLASSMATES - 1 }, (_, i) => Bot.join(server.origin, { ...links, guestSecret: guestSecretOf(links.moderatorSecret, 1) }, `Élève ${i + 1}`)),
  )
  await untilCount(page, CLASSMATES + 1)
  await see('19-call-thirty', page)
  for (const bot of bots) bot.leave()
  await other.close()

  road.cut()
  await untilConnection(page, 'reconnecting')
  await see('20-reconnecting', page)
  road.mend()
  await untilConnected(page)
  await server.stop()
  await untilConnection(page, 'server_restarting')
  await see('21-server-restarting', page)
  await server.run()
  await untilConnected(page)
  await page.click('leave')
  await page.find('left-page')
  await see('22-left', page)
  await page.close()
}

async function refusals(ground: Ground, look: Look, see: See): Promise<void> {
  await blockedUdp(ground, look, see)
  const { server, links, guestLink } = await ground.serverWithRoom({ maxParticipants: 1 })
  const bot = await Bot.join(server.origin, links, 'Élève seul')
  ground.afterwards(() => bot.leave())
  const cases: { screen: string; problem: string; link: string; before?: string; gone?: boolean }[] = [
    { screen: '30-link-incomplete', problem: 'link_incomplete', link: guestLink.slice(0, -3) },
    {
      screen: '31-join-refused',
      problem: 'join_refused',
      link: `${server.origin}${guestPath({ ...links, guestSecret: freshSecret() })}`,
    },
    { screen: '32-room-full', problem: 'room_full', link: guestLink },
    {
      screen: '33-browser-unsupported',
      problem: 'browser_unsupported',
      link: guestLink,
      before: 'delete globalThis.RTCPeerConnection; delete globalThis.webkitRTCPeerConnection',
    },
    { screen: '34-server-unreachable', problem: 'server_unreachable', link: guestLink, gone: true },
  ]
  for (const { screen, problem, link, before, gone } of cases) {
    const page = await ground.page('chromium', before === undefined ? look : { ...look, before })
    await page.goto(link)
    await page.findSelector('[data-testid=join], [data-testid=error-message]')
    if (gone === true) await server.kill()
    if (await page.has('join')) await page.click('join')
    await page.findSelector(`[data-testid=error-message][data-problem=${problem}]`, 20_000)
    await see(screen, page)
    await page.close()
  }
}

/** The connection test behind a path for media that leads nowhere. */
async function blockedUdp(ground: Ground, look: Look, see: See): Promise<void> {
  const server = await ground.server()
  const page = await ground.page('chromium', {
    ...look,
    before: `RTCPeerConnection.prototype.setRemoteDescription = async () => undefined`,
  })
  await page.goto(`${server.origin}/test`)
  await page.findSelector('[data-testid=test-problem][data-problem=udp_blocked]', 20_000)
  await see('35-connection-test-udp-blocked', page)
  await page.close()
}

/** Waits until nothing on the page moves any more and its fonts are there. */
async function settled(page: TestPage): Promise<void> {
  await page.evaluate(`(async () => {
    await document.fonts.ready
    const finite = document.getAnimations().filter((a) => a.effect?.getComputedTiming().endTime !== Infinity)
    await Promise.allSettled(finite.map((a) => a.finished))
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
  })()`)
}

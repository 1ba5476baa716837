import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { administration } from './administration-screens.ts'
import { classLife } from './class-screens.ts'
import { encryption } from './e2ee-screens.ts'
import { moderation } from './moderation-screens.ts'
import { recordings } from './recording-screens.ts'
import { type Looked, violations } from './rig/axe.ts'
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
import { isChosen, rule, type Ground } from './rig/rule.ts'
import { PREAU_BIN } from './rig/server.ts'
import { until } from './rig/until.ts'
import { words, type Language } from './rig/words.ts'

const FOLDER = new URL('./screenshots/', import.meta.url).pathname
const DESKTOP = { width: 1440, height: 900 }
const PHONE = { width: 390, height: 844 }

/** People of a whole class beside the one who looks. */
const CLASSMATES = 29

/** How a person has it. */
interface Look {
  language: Language
  dark: boolean
}

// Colours do not depend on the language, nor the room a text takes on the colours: each of the four is seen
// once. Both are changed on the page that stands there, as a person may at any time.
const LOOKS = [
  { language: 'fr', dark: false },
  { language: 'en', dark: true },
] as const satisfies Look[]

/** Looks at what the page shows now, in both sizes and these looks (all where absent), for broken rules; takes
 * a picture of each where these rules are asked for by name. The page then has its first look again. */
export type See = (screen: string, page: TestPage, looks?: readonly Look[]) => Promise<void>

type Part = (ground: Ground, see: See) => Promise<void>

const WALKS: { of: string; parts: readonly Part[]; deadlineMs: number }[] = [
  { of: 'a_call', parts: [beforeTheCall, theCall], deadlineMs: 300_000 },
  { of: 'a_class', parts: [moderation, classLife], deadlineMs: 240_000 },
  { of: 'recordings', parts: [recordings], deadlineMs: 210_000 },
  { of: 'encryption', parts: [encryption], deadlineMs: 180_000 },
  { of: 'refusals', parts: [refusals], deadlineMs: 150_000 },
  { of: 'administration', parts: [administration], deadlineMs: 120_000 },
]

/** What was looked at in each walk that came to its end. */
const walked: Looked[] = []

for (const { of, parts, deadlineMs } of WALKS) {
  rule(
    `no_accessibility_rule_is_broken_on_any_screen_of_${of}`,
    async (ground) => {
      ground.expectsNetworkErrors = true
      // Of its own: a walk that is taken once more counts once.
      const looked: Looked = { views: 0, rules: new Set(), violations: 0, axe: '' }
      for (const part of parts) await part(ground, seeFor(ground, looked))
      walked.push(looked)
      if (walked.length === WALKS.length) keepAudit(await (await ground.page()).raw.browser().version())
    },
    { order: 'beside', deadlineMs },
  )
}

/** Notes on `ground` what is wrong, and in `looked` what was looked at. */
function seeFor(ground: Ground, looked: Looked): See {
  return async (screen, page, looks = LOOKS) => {
    for (const look of looks) {
      await take(page, look)
      const name = `${look.language}-${look.dark ? 'dark' : 'light'}`
      for (const [size, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
        await page.raw.setViewport(viewport)
        await settled(page)
        if (isChosen) {
          mkdirSync(`${FOLDER}${name}/${size}`, { recursive: true })
          await page.screenshot(`${FOLDER}${name}/${size}/${screen}.png`)
        }
        const wide = await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')
        if (wide) ground.note(`${screen} ${size} ${name}: scrolls sideways`)
        for (const violation of await violations(page, looked)) ground.note(`${screen} ${size} ${name}: ${violation}`)
      }
    }
    await page.raw.setViewport(DESKTOP)
    for (const first of looks.slice(0, 1)) await take(page, first)
  }
}

/** Gives the page this look. */
async function take(page: TestPage, { language, dark }: Look): Promise<void> {
  await page.prefersDark(dark)
  const spoken = await page.evaluate<string>('document.documentElement.lang')
  if (spoken.startsWith(language)) return
  // Also behind a dialog, and without a click that others hear, which would close what is looked at.
  const isSwitched = await page.evaluate<boolean>(`(() => {
    const button = document.querySelector('[data-testid=language]')
    return button !== null && button.dispatchEvent(new MouseEvent('click'))
  })()`)
  // A page of the server is another one in each language.
  if (!isSwitched) await page.goto(`${page.raw.url().replace(/[?#].*/, '')}?lang=${language}`)
  await until(`the page is in ${language}`, async () => (await page.evaluate<string>('document.documentElement.lang')).startsWith(language))
}

/** Leaves what the accessibility statement is made from; `signaling/src/papers/accessibility.json` is a copy. */
function keepAudit(browser: string): void {
  const sum = (count: (looked: Looked) => number): number => walked.reduce((so, looked) => so + count(looked), 0)
  const rules = new Set(walked.flatMap((looked) => [...looked.rules]))
  // The hash of the pages stands on a second line.
  const [line = ''] = execFileSync(PREAU_BIN, ['--version'], { encoding: 'utf8' }).split('\n')
  const version = line.split(' ').at(-1)
  const date = new Date().toISOString().slice(0, 10)
  const audit = {
    views: sum(({ views }) => views),
    rules: rules.size,
    violations: sum(({ violations: broken }) => broken),
    axe: walked.at(-1)?.axe,
    browser,
    version,
    date,
  }
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(`${FOLDER}accessibility.json`, `${JSON.stringify(audit, null, 2)}\n`)
}

async function beforeTheCall(ground: Ground, see: See): Promise<void> {
  const { server, guestLink } = await ground.serverWithRoom()
  const page = await ground.page()
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
  await page.untilText(words('fr', 'unknown.title'))
  await see('04-unknown-page', page)
  await page.goto(`${server.origin}/test`)
  await page.find('test-report', 20_000)
  await see('07-connection-test', page)
  await page.goto(guestLink)
  await page.find('join')
  await see('05-prejoin', page)
  await page.click('check-devices')
  await page.untilText(words('fr', 'check.private'))
  await see('06-prejoin-check', page)
  await page.clickNamed('check.stop')
  await page.close()
  // Whoever has a browser in English is spoken to in English at once, by the pages and by the server.
  const english = await ground.page('chromium', { language: 'en' })
  await english.goto(`${server.origin}/nowhere`)
  await english.untilText(words('en', 'unknown.title'))
  for (const path of ['nowhere', 'notice']) {
    await english.goto(`${server.origin}/${path}`)
    await until(`/${path} is in English`, () => english.evaluate<boolean>(`document.documentElement.lang.startsWith('en')`))
  }
  await english.close()
}

async function theCall(ground: Ground, see: See): Promise<void> {
  const { server, links } = await ground.serverWithRoom()
  const road = await CutableRoad.open(server.ports.http)
  ground.afterwards(() => road.close())
  const page = await ground.page()
  await page.goto(`http://localhost:${road.port}${moderatorPath(links)}`)
  await passPrejoin(page, server, 'Maîtresse Loriot')
  await see('10-call-alone', page)
  const other = await ground.page()
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
  await hold(page, 'camera', words('fr', 'camera.waiting'))
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
  await page.untilText(words('fr', 'care.hidden'))
  await see('12-devices', page)
  await page.click('background-yard')
  await page.click('device-panel-close')
  await page.click('more')
  await page.click('invite')
  await page.untilText(words('fr', 'invite.help'))
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
  await hold(page, 'screen', words('fr', 'screen.waiting'))
  await see('15-screen-reminder', page)
  await confirm(page, 'screen')
  await page.untilText(words('fr', 'screen.sharing'))
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

async function refusals(ground: Ground, see: See): Promise<void> {
  await blockedUdp(ground, see)
  const { server, links, guestLink } = await ground.serverWithRoom({ maxParticipants: 1 })
  const bot = await Bot.join(server.origin, links, 'Élève seul')
  ground.afterwards(() => bot.leave())
  const cases: { screen: string; problem: string; link: string; before?: string }[] = [
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
  ]
  for (const { screen, problem, link, before } of cases) {
    const page = await ground.page('chromium', before === undefined ? {} : { before })
    await page.goto(link)
    await page.findSelector('[data-testid=join], [data-testid=error-message]')
    if (await page.has('join')) await page.click('join')
    await page.findSelector(`[data-testid=error-message][data-problem=${problem}]`)
    await see(screen, page)
    await page.close()
  }
  // A server that is gone has no texts of the other language to give.
  const before = await Promise.all(LOOKS.map(async (look) => ({ look, page: await ground.page('chromium', { language: look.language }) })))
  for (const { page } of before) {
    await page.goto(guestLink)
    await page.find('join')
  }
  await server.kill()
  for (const { look, page } of before) {
    await page.click('join')
    await page.findSelector('[data-testid=error-message][data-problem=server_unreachable]', 20_000)
    await see('34-server-unreachable', page, [look])
    await page.close()
  }
}

/** The connection test behind a path for media that leads nowhere. */
async function blockedUdp(ground: Ground, see: See): Promise<void> {
  const server = await ground.server()
  const page = await ground.page('chromium', {
    before: `RTCPeerConnection.prototype.setRemoteDescription = async () => undefined`,
  })
  await page.goto(`${server.origin}/test`)
  await page.findSelector('[data-testid=test-problem][data-problem=udp_blocked]', 20_000)
  await see('35-connection-test-udp-blocked', page)
  await page.close()
}

/** Waits until nothing on the page moves any more and its fonts are there. Asks each time anew: that an
 * animation is over is never told of some that a change of look began. */
async function settled(page: TestPage): Promise<void> {
  await page.evaluate(`(async () => {
    await document.fonts.ready
    const moves = (a) => a.playState === 'running' && a.effect?.getComputedTiming().endTime !== Infinity
    do {
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
    } while (document.getAnimations().some(moves))
  })()`)
}

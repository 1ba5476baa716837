// A server that is against those it serves, met by real pages: what it tries is refused, shown to people,
// and the call goes on.

import assert from 'node:assert/strict'
import { passPrejoin, turnCameraOn, turnMicrophoneOn } from './rig/call.ts'
import { ClearMedia } from './rig/clear-media.ts'
import { type Opened, openRoom, untilEncrypted } from './rig/encrypted.ts'
import { createRoom, encryptedPaths, freshSecret, hostKeyOf } from './rig/link.ts'
import { selfIdOf, untilReceives } from './rig/media.ts'
import type { Arrival, TestPage } from './rig/page.ts'
import { type Message, RogueServer } from './rig/rogue.ts'
import { type Ground, rule } from './rig/rule.ts'
import { until } from './rig/until.ts'
import { refusal } from './rig/words.ts'

const ENGINES = ['chromium', 'firefox'] as const
const PUPILS = { chromium: 'Zoé Quetzal', firefox: 'Ulysse Pinson' }
const LINES = ['la première ligne', 'une autre encore', 'et voici la dernière'] as const

/** Nobody the honest server knows. */
const GHOST = 'AAAAAAAAAAA'

/** Packets of a track after which its frames would long have been shown or heard. */
const MANY_PACKETS = 100

/** Sound below this is none. */
const NO_SOUND = 1e-6

rule('r28_a_server_that_says_less_than_the_link_is_not_entered_in_either_browser', async (ground) => {
  const server = await ground.server()
  const links = await createRoom(server.origin, 'reunion', { open: true, raw: false })
  ground.keepSecret(server, links)
  const rogue = await RogueServer.open(ground, server.ports.http)
  const link = `${rogue.origin}${encryptedPaths(links, { open: true, raw: false }).guest}`
  const lies: [problem: string, lie: (said: Message) => Message][] = [
    ['encryption_missing', (said) => ({ ...said, encryption: null, rules: { ...(said['rules'] as object), encryption: null } })],
    ['encryption_other_flags', (said) => ({ ...said, rules: { ...(said['rules'] as object), encryption: { open: true, raw: true } } })],
    ['encryption_other_key', (said) => ({ ...said, encryption: { ...(said['encryption'] as object), hostKey: hostKeyOf(freshSecret()) } })],
  ]
  const pages = await Promise.all(ENGINES.map((engine) => ground.page(engine)))
  for (const [problem, lie] of lies) {
    rogue.alter = (said) => [said.type === 'joined' ? lie(said) : said]
    await Promise.all(
      pages.map(async (page) => {
        // The same address again would load nothing.
        await page.goto('about:blank')
        await page.goto(link)
        await page.click('join')
        await page.untilAttribute('error-message', 'data-problem', problem)
        await page.untilText(refusal('fr', problem).help)
        const sent = await page.evaluate<string[]>('__rig.sent')
        assert.deepEqual(sent.filter((type) => type !== 'leave'), ['join'])
        const { connections, tracks } = await page.holdings()
        assert.ok([...connections, ...tracks].every((state) => state === 'closed'), `${page.engine}: ${connections} ${tracks}`)
      }),
    )
  }
})

rule(
  'r28_a_server_that_repeats_forges_and_plants_a_ghost_changes_nothing_and_is_seen_to',
  async (ground) => {
    const { server, teacher, rogue, pupils } = await meeting(ground)
    const all = [teacher, ...pupils]
    for (const pupil of pupils) await untilReceives(pupil, teacher, 'camera')
    await write(teacher, LINES[0])
    await untilEach(pupils, 'the first line is read', (pupil) => reads(pupil, LINES[0]))

    // Again, all that was ever said among members; what is said next is heard after it.
    for (const [page, { heard }] of rogue.pages.entries()) {
      for (const message of heard) if (isOfCircle(message)) rogue.say(message, page)
    }
    await write(teacher, LINES[1])
    await untilEach(pupils, 'the second line is read', (pupil) => reads(pupil, LINES[1]))
    for (const pupil of pupils) {
      const log = await pupil.text('chat-log')
      for (const line of LINES.slice(0, 2)) assert.equal(log.split(line).length, 2, `${pupil.engine} shows a line once`)
      assert.equal(await pupil.has('error-message'), false, `${pupil.engine} has nothing to tell`)
    }
    await untilEncrypted(all, 3)

    // Somebody who is no member: in the list, not among those who have the keys, and added by nobody.
    const [somebody] = newest(rogue, 0, 'joined')['participants'] as object[]
    const ghost = { ...somebody, participant: GHOST, role: 'guest', active: [] }
    // A page whose line broke is told of it anew.
    rogue.alter = (said) => [said.type === 'joined' ? { ...said, participants: [...(said['participants'] as object[]), ghost] } : said]
    rogue.say({ type: 'participant_joined', participant: ghost })
    const shown = rogue.pages.flatMap(({ asked }) => asked).find(({ type }) => type === 'mls_key_package')
    rogue.say({ type: 'mls_wanted', participant: GHOST, keyPackage: shown?.['keyPackage'] })
    await untilEach(pupils, 'the ghost is refused', (pupil) => tells(pupil, 'circle_refused'))
    await untilEach(pupils, 'the lock says so', async (pupil) => (await pupil.attribute('e2ee-lock', 'data-state')) === 'differs')
    await untilEach(pupils, 'the ghost has no keys', (pupil) => counts(pupil, 4, 3))
    rogue.alter = (said) => [said]
    rogue.say({ type: 'participant_left', participant: GHOST })
    await untilEncrypted(all, 3)

    // One of them hears a commit of before under a number of now, and has to be let in anew; the other one
    // hears what lets it in with a byte changed; and the first Welcome of each comes changed as well.
    for (const pupil of pupils) await dismiss(pupil)
    const changed = { mls_committed: new Set([0]), mls_welcome: new Set<number>() }
    rogue.alter = (said, page) => {
      const pages = said.type === 'mls_committed' || said.type === 'mls_welcome' ? changed[said.type] : null
      if (pages === null || pages.has(page)) return [said]
      pages.add(page)
      return [altered(said)]
    }
    rogue.say({ ...newest(rogue, 0, 'mls_committed'), epoch: Number(newest(rogue, 0, 'mls_committed', 'mls_welcome')['epoch']) + 1 }, 0)
    await untilEach(pupils, 'the commit is refused', (pupil) => tells(pupil, 'circle_refused'))
    await untilEncrypted(all, 3)
    assert.deepEqual(Object.values(changed).map(({ size }) => size), [2, 2], 'everything came changed once')
    for (const pupil of pupils) await untilReceives(pupil, teacher, 'camera')
    await write(teacher, LINES[2])
    await untilEach(pupils, 'the last line is read', (pupil) => reads(pupil, LINES[2]))
  },
  { deadlineMs: 120_000 },
)

rule(
  'r28_what_a_server_sends_in_clear_is_neither_shown_nor_heard_and_people_are_told',
  async (ground) => {
    const { teacher, rogue, pupils, media } = await meeting(ground, true)
    await turnMicrophoneOn(teacher)
    const from = await selfIdOf(teacher)
    const arrived = async (pupil: TestPage): Promise<Record<string, Arrival>> =>
      Object.fromEntries((await pupil.arrivals()).filter(({ participant }) => participant === from).map((one) => [one.source, one]))
    const untilArrives = (source: Arrival['source'], packets: readonly number[]): Promise<void> =>
      untilEach(pupils, `${source} comes in clear`, async (pupil, index) => ((await arrived(pupil))[source]?.packets ?? 0) > (packets[index] ?? 0) + MANY_PACKETS)
    await untilArrives('camera', [])
    await untilArrives('microphone', [])
    await media?.silence()
    await untilArrives('microphone', await Promise.all(pupils.map(async (pupil) => (await arrived(pupil))['microphone']?.packets ?? 0)))
    for (const pupil of pupils) {
      const { camera, microphone } = await arrived(pupil)
      assert.equal(camera?.frames, 0, `${pupil.engine} shows nothing`)
      assert.ok((microphone?.energy ?? 1) < NO_SOUND, `${pupil.engine} hears nothing`)
    }
    await untilEach(pupils, 'people are told', (pupil) => tells(pupil, 'frames_refused'))
    for (const pupil of pupils) {
      await dismiss(pupil)
      await pupil.click('diagnostics-open')
      await until('it is counted', () => pupil.evaluate<boolean>(
        `[...document.querySelectorAll('[data-testid=e2ee-state]')].some(({ dataset }) => Number(dataset.clear) > 0 && dataset.good === '0')`,
      ), 15_000, () => pupil.bodyText())
      await pupil.click('diagnostics-close')
    }

    // Whoever was in already leaves rather than to go on in clear.
    rogue.alter = (said) => [said.type === 'joined' ? { ...said, encryption: null } : said]
    ground.expectsNetworkErrors = true
    rogue.cut()
    for (const pupil of pupils) await pupil.untilAttribute('error-message', 'data-problem', 'encryption_missing', 30_000)
  },
  { deadlineMs: 120_000 },
)

/** A teacher whom the server does not lie to, with a camera on, and a pupil in each browser whom it says
 * everything of the circle twice, and whose media, with `inClear`, nobody sealed. */
async function meeting(
  ground: Ground,
  inClear = false,
): Promise<Opened & { rogue: RogueServer; pupils: TestPage[]; media: ClearMedia | null }> {
  const opened = await openRoom(ground, 'reunion')
  const { server, teacher, guest } = opened
  const rogue = await RogueServer.open(ground, server.ports.http)
  rogue.alter = (said) => (isOfCircle(said) ? [said, said] : [said])
  const media = inClear ? await ClearMedia.instead(ground, rogue) : null
  await turnCameraOn(teacher)
  const { pathname, hash } = new URL(guest)
  const pupils: TestPage[] = []
  for (const engine of ENGINES) {
    const pupil = await ground.page(engine)
    pupils.push(pupil)
    await pupil.goto(`${rogue.origin}${pathname}${hash}`)
    await passPrejoin(pupil, server, PUPILS[engine])
  }
  await untilEncrypted([teacher, ...pupils], 3)
  return { ...opened, rogue, pupils, media }
}

function isOfCircle({ type }: Message): boolean {
  return ['mls_committed', 'mls_welcome', 'mls_said', 'mls_wanted', 'mls_all_ready'].includes(type)
}

/** The latest message of these types that the honest server said to a page. */
function newest(rogue: RogueServer, page: number, ...types: string[]): Message {
  const message = rogue.pages[page]?.heard.findLast(({ type }) => types.includes(type))
  if (message === undefined) throw new Error(`page ${page} heard no ${types.join(', ')}`)
  return message
}

/** The same commit or Welcome with one byte changed. */
function altered(message: Message): Message {
  const field = message.type === 'mls_welcome' ? 'welcome' : 'commit'
  const bytes = Buffer.from(String(message[field]), 'base64url')
  const middle = bytes.length >> 1
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle)
  return { ...message, [field]: bytes.toString('base64url') }
}

async function untilEach(pages: readonly TestPage[], what: string, look: (page: TestPage, index: number) => Promise<boolean>): Promise<void> {
  for (const [index, page] of pages.entries()) {
    await until(`${page.engine}: ${what}`, () => look(page, index), 20_000, () => page.bodyText())
  }
}

function counts(page: TestPage, present: number, encrypted: number): Promise<boolean> {
  return page.evaluate(`(({ dataset }) => dataset.present === '${present}' && dataset.encrypted === '${encrypted}')(document.querySelector('[data-testid=e2ee-count]'))`)
}

/** Whether a page shows this to its person. */
function tells(page: TestPage, problem: string): Promise<boolean> {
  return page.evaluate(`__rig.isShown(document.querySelector('[data-testid=error-message][data-problem=${problem}]'))`)
}

/** Closes what a page tells. */
async function dismiss(page: TestPage): Promise<void> {
  await page.clickSelector('[data-testid=error-message] .button-icon')
  await until(`${page.engine} tells nothing more`, async () => !(await page.has('error-message')))
}

async function write(page: TestPage, text: string): Promise<void> {
  if (!(await page.has('chat-input'))) await page.click('chat')
  await page.fill('chat-input', text)
  await page.raw.keyboard.press('Enter')
}

async function reads(page: TestPage, text: string): Promise<boolean> {
  if (!(await page.has('chat-log'))) await page.click('chat')
  return (await page.text('chat-log')).includes(text)
}

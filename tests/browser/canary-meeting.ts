// A meeting whose every word, name and address is found nowhere else. Afterwards the server is
// searched for them: its log, its disk, its figures and its memory. Runs alone with its browsers in
// a network of its own:
// `canary-meeting.ts ADDRESS-OF-THE-SERVER ADDRESS-OF-THE-CALLERS WORDS-THAT-ENTER-THE-SERVER'S-NETWORK`.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join as pathOf } from 'node:path'
import { closeBrowsers } from './rig/browsers.ts'
import { askToRecord, join, turnCameraOn, turnMicrophoneOn, untilCount, untilNames } from './rig/call.ts'
import { createRoom, guestPath, moderatorPath, proofOf } from './rig/link.ts'
import { untilAllFlow } from './rig/media.ts'
import { inMemory } from './rig/memory.ts'
import { NamesAsked } from './rig/names-asked.ts'
import type { TestPage } from './rig/page.ts'
import { Ground } from './rig/rule.ts'
import type { PreauServer } from './rig/server.ts'
import { until } from './rig/until.ts'

/** After it, nothing may be left in memory. */
const CLEAN_MS = 60_000

const [address = '', caller = '', ...enter] = process.argv.slice(2)

const NAMES = { teacher: 'Wxyquobarde', pupil: 'Gnuthvizeloup', renamed: 'Ploufkjargon', guest: 'Zmirtauquenne' }
const LINES = { chat: 'hjuvfrimodelle quatrevents', private: 'bnoxtrapiste ennuyeux', poll: 'dwelmqorique ou non' }
const TERMS = { details: 'zvuphlotique du jeudi', audience: 'les kwimbergeois seuls' }
const AGENT = 'Navigorgnax/7.31 (Krwstelloptik)'

const canaries = new Map<string, Buffer>()
for (const text of [...Object.values(NAMES), ...Object.values(LINES), ...Object.values(TERMS), AGENT, caller]) canaries.set(text, Buffer.from(text))
canaries.set('the user agent of Firefox', Buffer.from('Gecko/20100101'))

/** Makers of these browsers, which call home by themselves whatever page is open. That no page asks
 * anything of them is seen in the requests of the pages. */
const MAKERS = /(^|\.)(google|googleapis|gvt1|mozilla)\.(com|org|net)$/
/** What a page or its media could want of them. */
const WANTED_BY_PAGES = /stun|turn|font|analytics|tag|static|storage|ajax|maps/

const ground = new Ground(false)
const resolver = await NamesAsked.listen()
ground.afterwards(() => resolver.close())
try {
  await meet()
  process.stdout.write('nothing is left\n')
} catch (error) {
  await ground.report('canary')
  throw error
} finally {
  await ground.end()
  await closeBrowsers()
}
process.exit(0)

async function meet(): Promise<void> {
  const server = await ground.server({ logLevel: 'info', recording: true, namespace: { enter, address } })
  const links = await createRoom(server.httpsOrigin)
  for (const [role, secret] of Object.entries({ guest: links.guestSecret, moderator: links.moderatorSecret })) {
    canaries.set(`the secret of the ${role} link`, Buffer.from(secret))
    canaries.set(`the proof of the ${role} link`, Buffer.from(proofOf(secret)))
  }
  const agent = `Object.defineProperty(Navigator.prototype, 'userAgent', { get: () => ${JSON.stringify(AGENT)} })`
  const teacher = await ground.page('chromium', { before: agent })
  await teacher.cdp?.send('Network.setUserAgentOverride', { userAgent: AGENT })
  await teacher.goto(`${server.httpsOrigin}${moderatorPath(links)}`)
  await teacher.fill('pseudonym', NAMES.teacher)
  await teacher.click('join')
  const guestLink = `${server.httpsOrigin}${guestPath(links)}`
  const pupil = await join(ground, server, guestLink, { name: NAMES.pupil })
  const guest = await join(ground, server, guestLink, { name: NAMES.guest, engine: 'firefox' })
  const pages = [teacher, pupil, guest]
  for (const page of pages) {
    await turnMicrophoneOn(page)
    await turnCameraOn(page)
  }
  await untilAllFlow(pages)
  await rename(pupil, NAMES.renamed)
  await untilNames(guest, [NAMES.teacher, NAMES.renamed, NAMES.guest])
  await write(pupil, LINES.chat)
  await pupil.clickSelector('.audience:has([data-testid=chat-to-moderators])')
  await write(pupil, LINES.private)
  await guest.click('hand')
  await teacher.click('chat')
  await until('the teacher reads both', async () => {
    const read = await teacher.text('chat-log')
    return read.includes(LINES.chat) && read.includes(LINES.private)
  })
  await teacher.click('class')
  await teacher.fill('poll-question', LINES.poll)
  await teacher.click('poll-yes-no')
  await pupil.click('poll-show')
  await pupil.untilText(LINES.poll)

  await askToRecord(teacher, TERMS)
  await pupil.click('consent-accept')
  await pupil.untilAttribute('recording-own', 'data-recorded', 'true')
  await guest.click('consent-refuse')
  const pieces = (): string[] => filesUnder(server.dataFolder).filter((file) => /tracks\/\d+\/\d{6}\.age$/.test(file))
  await until('something is recorded', () => pieces().length > 0, 30_000)

  // The search can find: what is in use stands in memory now.
  const during = inMemory(server.pid, canaries)
  for (const name of [NAMES.teacher, NAMES.renamed, NAMES.guest, LINES.poll, TERMS.details]) {
    assert.ok(during.includes(name), `${name} was to be found during the meeting: ${during.join(', ')}`)
  }
  const figures = figuresOf(server)
  assert.match(figures, /preau_/)
  assert.deepEqual(standingIn(figures), [], 'figures')

  await teacher.click('record-stop')
  await teacher.find('recording-ended')
  // The teacher last: whoever would leave others to themselves is asked first.
  for (const page of [pupil, guest, teacher]) {
    if (page === teacher) await untilCount(teacher, 1)
    await page.click('leave')
    await page.find('left-page')
  }
  await closeBrowsers()
  const asked = [...resolver.names].filter((name) => !MAKERS.test(name) || WANTED_BY_PAGES.test(name))
  assert.deepEqual(asked, [], 'names asked for')
  const own = new URL(server.httpsOrigin).host
  for (const page of pages) assert.deepEqual([...page.origins].filter((origin) => new URL(origin).host !== own), [], 'requests')
  let found: string[] = []
  await until('memory is clean', () => (found = inMemory(server.pid, canaries)).length === 0, CLEAN_MS, () => found)
  assert.deepEqual(standingIn(server.log), [], 'log')
  assert.deepEqual(standingIn(figuresOf(server)), [], 'figures')
  const files = filesUnder(server.dataFolder)
  assert.ok(pieces().length > 0, 'the recording is kept')
  assert.ok(files.some((file) => file.endsWith('.sqlite3') || file.includes('.db') || file.includes('sqlite')), files.join(', '))
  for (const file of files) assert.deepEqual(standingIn(readFileSync(file, 'latin1')), [], file)
}

/** The figures are for the server's own machine alone. */
function figuresOf(server: PreauServer): string {
  const read = `fetch('${server.metrics}').then((answer) => answer.text()).then((text) => process.stdout.write(text))`
  const [command = '', ...args] = [...enter, process.execPath, '-e', read]
  return execFileSync(command, args, { encoding: 'utf8' })
}

function standingIn(text: string): string[] {
  return [...canaries].filter(([, bytes]) => text.includes(bytes.toString('latin1'))).map(([name]) => name)
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => pathOf(entry.parentPath, entry.name))
}

async function rename(page: TestPage, name: string): Promise<void> {
  await page.click('rename')
  await page.fill('rename-field', name)
  await page.click('rename-save')
}

/** Writes a line into the open or still closed chat. */
async function write(page: TestPage, line: string): Promise<void> {
  if (!(await page.has('chat-input'))) await page.click('chat')
  await page.fill('chat-input', line)
  await page.raw.keyboard.press('Enter')
  await until('it is sent', async () => (await page.text('chat-input')) === '')
}

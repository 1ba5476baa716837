import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import puppeteer, { type Browser } from 'puppeteer-core'
import { atExit, killAtExit, temporaryFolder } from './cleanup.ts'
import { TestPage, type Engine, type PageOptions } from './page.ts'
import { within } from './until.ts'

const CHROMIUM = process.env['CHROMIUM_BIN'] ?? '/usr/bin/chromium'
const FIREFOX = process.env['FIREFOX_BIN'] ?? '/usr/bin/firefox-esr'

/** Time a browser has to start on a busy machine of two cores. */
const LAUNCH_MS = 60_000

/** Time for a fresh profile and its page, a start of the browser included. */
const PROFILE_MS = 75_000

/** Time for an end; what does not end in it is killed with the run. */
const CLOSE_MS = 10_000

const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--use-fake-device-for-media-stream=fps=10',
  '--use-fake-ui-for-media-stream',
  '--auto-select-desktop-capture-source=Entire screen',
  '--autoplay-policy=no-user-gesture-required',
  '--allow-loopback-in-peer-connection',
  '--mute-audio',
  '--disable-gpu',
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
]

const FIREFOX_PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.video.default_fps': 10,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'intl.accept_languages': 'fr-FR, fr',
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'app.update.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
}

const browsers = new Map<Engine, Promise<Browser>>()
let display: Promise<string> | undefined

/** Opens a fresh profile with one tab in the shared browser of that kind. */
export async function openPage(engine: Engine, options: PageOptions = {}): Promise<TestPage> {
  return open(engine, options).catch(async () => {
    // A browser that crashed or hangs would take every later test along.
    await replace(engine)
    return open(engine, options)
  })
}

async function open(engine: Engine, options: PageOptions): Promise<TestPage> {
  let browser = browsers.get(engine)
  if (browser === undefined) {
    browser = engine === 'chromium' ? launchChromium() : launchFirefox()
    browsers.set(engine, browser)
  }
  const context = await within(`${engine} makes a profile`, PROFILE_MS, browser.then((b) => b.createBrowserContext()))
  return within(`${engine} opens a page`, PROFILE_MS, TestPage.open(engine, context, options))
}

async function replace(engine: Engine): Promise<void> {
  const browser = await browsers.get(engine)?.catch(() => undefined)
  browsers.delete(engine)
  browser?.process()?.kill('SIGKILL')
}

/** Closes a page, so that nothing of a rule is left for the next one. */
export async function closePage(page: TestPage): Promise<void> {
  await within('a page closes', CLOSE_MS, page.close()).catch(() => undefined)
}

/** Closes the browsers. */
export async function closeBrowsers(): Promise<void> {
  for (const browser of browsers.values()) {
    await browser.then((b) => within('browser closes', CLOSE_MS, b.close())).catch(() => undefined)
  }
  browsers.clear()
}

/** Opens a page in a browser of its own. Given an `authority` (a file in PEM), it checks every certificate, and
 * trusts that one besides those it came with: as on a machine that a school looks after. `close` ends the
 * browser. */
export async function openApart(
  engine: Engine,
  authority: string | undefined,
  options: PageOptions = {},
): Promise<{ page: TestPage; close: () => Promise<void> }> {
  const browser = engine === 'chromium' ? await launchChromium(authority) : await launchFirefox(authority)
  const page = await within(`${engine} opens a page`, PROFILE_MS, TestPage.open(engine, browser.defaultBrowserContext(), options))
  return { page, close: () => within('a browser closes', CLOSE_MS, browser.close()).catch(() => undefined) }
}

async function launchChromium(authority?: string): Promise<Browser> {
  const home = temporaryFolder('chromium')
  // On Linux it reads the certificates of whoever runs it from there.
  if (authority !== undefined) trust(join(home, '.pki', 'nssdb'), authority)
  const browser = await puppeteer.launch({
    browser: 'chrome',
    executablePath: CHROMIUM,
    headless: true,
    args: CHROMIUM_FLAGS,
    acceptInsecureCerts: authority === undefined,
    env: authority === undefined ? process.env : { ...process.env, HOME: home },
    userDataDir: join(home, 'profile'),
    timeout: LAUNCH_MS,
    protocolTimeout: LAUNCH_MS,
  })
  return endAtExit(browser)
}

async function launchFirefox(authority?: string): Promise<Browser> {
  display ??= startDisplay().catch((error: unknown) => {
    // The next one tries anew.
    display = undefined
    throw error
  })
  const profile = temporaryFolder('firefox')
  if (authority !== undefined) trust(profile, authority)
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: FIREFOX,
    // Sharing a screen needs a window, so Firefox gets a display of its own.
    headless: false,
    env: { ...process.env, DISPLAY: await display },
    extraPrefsFirefox: FIREFOX_PREFERENCES,
    acceptInsecureCerts: authority === undefined,
    userDataDir: profile,
    timeout: LAUNCH_MS,
    protocolTimeout: LAUNCH_MS,
  })
  return endAtExit(browser)
}

/** Puts an authority into the certificate store in `folder`, which it makes. */
function trust(folder: string, authority: string): void {
  mkdirSync(folder, { recursive: true })
  const certutil = (...args: string[]) => execFileSync('certutil', ['-d', `sql:${folder}`, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  certutil('-N', '--empty-password')
  certutil('-A', '-n', 'preau', '-t', 'C,,', '-i', authority)
}

function endAtExit(browser: Browser): Browser {
  const pid = browser.process()?.pid
  if (pid !== undefined) killAtExit(pid, true)
  return browser
}

/** Starts Xvfb on a display number of its own choice. */
async function startDisplay(): Promise<string> {
  const xvfb = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1440x900x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  atExit(() => xvfb.kill('SIGKILL'))
  xvfb.unref()
  const pipe = xvfb.stdio[3]
  if (pipe === null || pipe === undefined || !('setEncoding' in pipe)) throw new Error('no pipe')
  const failed = once(xvfb, 'error').then(([error]) => Promise.reject(error as Error))
  const [line] = (await within('Xvfb starts', LAUNCH_MS, Promise.race([once(pipe, 'data'), failed]))) as [Buffer]
  if ('unref' in pipe && typeof pipe.unref === 'function') pipe.unref()
  return `:${line.toString().trim()}`
}

import { readFileSync } from 'node:fs'
import type { BrowserContext, CDPSession, ElementHandle, Page } from 'puppeteer-core'
import { until } from './until.ts'
import { words, type Language } from './words.ts'

const IN_PAGE = readFileSync(new URL('./in-page.js', import.meta.url), 'utf8')

/** Which browser a page lives in. */
export type Engine = 'chromium' | 'firefox'

/** How a page looks to the site. */
export interface PageOptions {
  language?: Language
  width?: number
  height?: number
  phone?: boolean
  /** Script text that runs before the page's own scripts. */
  before?: string
  /** What stands in errors that the test itself makes: they are not noted. */
  ownFault?: string
}

/** Cumulative counters of one remote track. */
export interface Arrival {
  participant: string
  source: 'microphone' | 'camera' | 'screen' | 'screen_audio'
  frames: number
  energy: number
  packets: number
  lost: number
  width: number
  /** Seconds in which the picture stood, as the browser counts them. */
  frozen: number
  keyFrames: number
  /** Key frames asked for. */
  requests: number
  codec: string | null
}

/** Cumulative counters of the sound that is received. */
export interface Sound {
  packets: number
  lost: number
  /** Seconds played, and those of them that were made up for want of packets; silence apart. */
  seconds: number
  concealed: number
}

/** Cumulative counters of one encoding that is sent. */
export interface Encoding {
  rid: string
  mode: string
  codec: string | null
  packets: number
  width: number
  frames: number
  keyFrames: number
}

/** What a page holds open. */
export interface Holdings {
  tracks: string[]
  connections: string[]
  sockets: number[]
  senders: number[]
  userMediaCalls: number
  displayMediaCalls: number
}

/** One browser profile with one tab: a person at a machine. */
export class TestPage {
  /** Origins (scheme, host, port) of every request the page made. */
  readonly origins = new Set<string>()
  /** Requests in order: method, URL, referrer header and body (Firefox does not tell bodies). */
  readonly requests: { method: string; url: string; referer: string | undefined; body: string }[] = []
  /** Errors the page threw or wrote to its console. */
  readonly errors: string[] = []
  /** See `PageOptions`. */
  ownFault: string | null = null

  private constructor(
    readonly engine: Engine,
    readonly raw: Page,
    readonly context: BrowserContext,
    /** Developer-tools session; only Chromium has one. */
    readonly cdp: CDPSession | null,
    /** Language in which the page speaks. */
    readonly language: Language,
  ) {}

  /** Opens a fresh profile and an empty tab in it. */
  static async open(engine: Engine, context: BrowserContext, options: PageOptions): Promise<TestPage> {
    const raw = await context.newPage()
    const cdp = engine === 'chromium' ? await raw.createCDPSession() : null
    const page = new TestPage(engine, raw, context, cdp, options.language ?? 'fr')
    page.ownFault = options.ownFault ?? null
    page.listen()
    if (options.before !== undefined) await raw.evaluateOnNewDocument(options.before)
    await raw.evaluateOnNewDocument(IN_PAGE)
    if (cdp !== null) await page.disguise(cdp, options)
    if (engine === 'chromium' || options.width !== undefined) {
      await raw.setViewport({
        width: options.width ?? 1280,
        height: options.height ?? 800,
        ...(engine === 'chromium' ? { isMobile: options.phone ?? false, hasTouch: options.phone ?? false } : {}),
      })
    }
    return page
  }

  async goto(url: string): Promise<void> {
    await until(`${this.engine} opens ${new URL(url).pathname}`, async () => {
      try {
        await this.raw.goto(url, { waitUntil: 'load', timeout: 20_000 })
        return true
      } catch (error) {
        // A cable was laid on this machine: Chromium then drops what is under way.
        if (String(error).includes('ERR_NETWORK_CHANGED')) return false
        throw error
      }
    })
  }

  /** The visible element with this `data-testid`; waits for it. */
  async find(testid: string, deadlineMs?: number): Promise<ElementHandle<Element>> {
    return this.findSelector(`[data-testid="${testid}"]`, deadlineMs)
  }

  async findSelector(selector: string, deadlineMs?: number): Promise<ElementHandle<Element>> {
    return until(
      `${this.engine} shows ${selector}`,
      // A look is one message: a rule looks hundreds of times.
      async () => ((await this.isShown(selector)) ? this.raw.$(selector) : null),
      deadlineMs,
      () => this.bodyText(),
    )
  }

  async has(testid: string): Promise<boolean> {
    return this.isShown(`[data-testid="${testid}"]`)
  }

  /** Whether the first such element is visible, and can be used with `able`. */
  private isShown(selector: string, able = false): Promise<boolean> {
    return this.evaluate(`__rig.isShown(document.querySelector(${JSON.stringify(selector)}), ${able})`)
  }

  /** A real click with the mouse, once the element can be clicked. */
  async click(testid: string, deadlineMs?: number): Promise<void> {
    await this.clickSelector(`[data-testid="${testid}"]`, deadlineMs)
  }

  async clickSelector(selector: string, deadlineMs?: number): Promise<void> {
    await until(
      `${this.engine} can click ${selector}`,
      async () => {
        const element = (await this.isShown(selector, true)) ? await this.raw.$(selector) : null
        await element?.click()
        return element !== null
      },
      deadlineMs,
      () => this.bodyText(),
    )
  }

  /** A real click on the visible button or link named by the sentence `key`. */
  async clickNamed(key: string, deadlineMs?: number): Promise<void> {
    const name = words(this.language, key)
    await until(
      `${this.engine} can click “${name}”`,
      async () => {
        const found = await this.raw.evaluateHandle(`__rig.named(${JSON.stringify(name)})`)
        const element = found.asElement() as ElementHandle<Element> | null
        await element?.click()
        return element !== null
      },
      deadlineMs,
      () => this.bodyText(),
    )
  }

  /** Waits until the page shows the sentence. */
  async untilText(text: string, deadlineMs?: number): Promise<void> {
    await until(
      `${this.engine} shows “${text}”`,
      async () => (await this.raw.evaluate(() => document.body.innerText)).includes(text),
      deadlineMs,
      () => this.bodyText(),
    )
  }

  /** Replaces the content of a field by typing. */
  async fill(testid: string, text: string): Promise<void> {
    const element = await this.find(testid)
    await element.click()
    await element.evaluate((node) => {
      ;(node as HTMLInputElement).select()
    })
    await this.raw.keyboard.press('Backspace')
    await element.type(text)
  }

  async text(testid: string): Promise<string> {
    const element = await this.find(testid)
    return element.evaluate((node) =>
      node instanceof HTMLInputElement || node instanceof HTMLTextAreaElement ? node.value : (node.textContent ?? ''),
    )
  }

  async attribute(testid: string, name: string): Promise<string | null> {
    const element = await this.find(testid)
    return element.evaluate((node, key) => node.getAttribute(key), name)
  }

  async untilAttribute(testid: string, name: string, value: string, deadlineMs?: number): Promise<void> {
    await until(
      `${this.engine}: ${testid}[${name}] is ${value}`,
      async () => (await this.attribute(testid, name)) === value,
      deadlineMs,
      () => this.bodyText(),
    )
  }

  evaluate<T>(expression: string): Promise<T> {
    return this.raw.evaluate(expression) as Promise<T>
  }

  bodyText(): Promise<string> {
    return this.raw.evaluate(() => document.body?.innerText.slice(0, 600) ?? '')
  }

  /** Tiles on screen, with their stable attributes. */
  tiles(): Promise<{ participant: string; self: boolean; name: string }[]> {
    return this.raw.evaluate(() =>
      Array.from(document.querySelectorAll('[data-testid=tile]'), (tile) => ({
        participant: tile.getAttribute('data-participant') ?? '',
        self: tile.getAttribute('data-self') === 'true',
        name: tile.getAttribute('data-name') ?? '',
      })),
    )
  }

  selfId(): Promise<string | null> {
    return this.evaluate('__rig.selfId')
  }

  arrivals(): Promise<Arrival[]> {
    return this.evaluate('__rig.arrivals()')
  }

  encodings(): Promise<Encoding[]> {
    return this.evaluate('__rig.encodings()')
  }

  /** Packets of sound sent so far, and when the browser counted them, in milliseconds. */
  soundSent(): Promise<{ packets: number; at: number }> {
    return this.evaluate('__rig.soundSent()')
  }

  soundReceived(): Promise<Sound> {
    return this.evaluate('__rig.soundReceived()')
  }

  /** Packets of pictures received so far, whoever sent them. */
  picturePackets(): Promise<number> {
    return this.evaluate('__rig.picturePackets()')
  }

  holdings(): Promise<Holdings> {
    return this.evaluate('__rig.holdings()')
  }

  /** Whether the person has it dark. */
  async prefersDark(dark: boolean): Promise<void> {
    await this.raw.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }])
  }

  async screenshot(path: string): Promise<void> {
    await this.raw.screenshot({ path: path as `${string}.png` })
  }

  /** Closes the tab and forgets the profile. */
  async close(): Promise<void> {
    await this.raw.close().catch(() => undefined)
    await this.context.close().catch(() => undefined)
  }

  private listen(): void {
    this.raw.on('request', (request) => {
      const url = request.url()
      const headers = request.headers()
      this.requests.push({
        method: request.method(),
        url,
        referer: headers['referer'] ?? headers['Referer'],
        body: this.engine === 'chromium' ? (request.postData() ?? '') : '',
      })
      if (/^(https?|wss?|ftp):/.test(url)) this.origins.add(new URL(url).origin)
    })
    const note = (error: string): void => {
      if (this.ownFault === null || !error.includes(this.ownFault)) this.errors.push(error)
    }
    this.raw.on('pageerror', (error) => note(String((error as Error).message ?? error)))
    this.raw.on('console', (message) => {
      if (message.type() === 'error') note(message.text())
    })
  }

  private async disguise(cdp: CDPSession, options: PageOptions): Promise<void> {
    const language = options.language ?? 'fr'
    const userAgent = await this.raw.browser().userAgent()
    await cdp.send('Emulation.setUserAgentOverride', {
      userAgent,
      acceptLanguage: language === 'fr' ? 'fr-FR,fr' : 'en-GB,en',
    })
    // Several tabs are used at once: each must believe it is in front.
    await cdp.send('Emulation.setFocusEmulationEnabled', { enabled: true })
  }
}

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { TestPage } from './page.ts'

/** Texts that would run as script, load something, or break out of their place, if any of them were
 * taken for more than text. Each fits into a pseudonym (40 characters); what would run calls `hit`. The
 * server's own tests read the same list. */
export const INJECTIONS: readonly string[] = JSON.parse(
  readFileSync(new URL('injections.json', import.meta.url), 'utf8'),
) as string[]

/** Nothing of `INJECTIONS` was taken for anything but text on this page, so far. */
export async function assertInert(page: TestPage, origin: string): Promise<void> {
  const found = await page.evaluate<string[]>(`(() => {
    const wrong = globalThis.__hit > 0 ? ['a script ran'] : []
    const foreign = [
      'img[src=x]', 'img:not([src])', '[src*="evil"]', 'iframe', 'object', 'embed', 'base', 'marquee', 'style', 'math', 'form[action]', '[formaction]', '[srcdoc]', '[style*=evil]',
      'script:not([src])', '[href*="evil"]', 'meta[http-equiv=refresh]', 'animate', 'set', 'use', 'b', 'x',
      'custom-element', 'a[href^="javascript" i]', 'a[href^="data" i]',
    ]
    for (const selector of foreign) {
      if (document.querySelector(selector) !== null) wrong.push('there is ' + selector)
    }
    for (const element of document.querySelectorAll('*')) {
      for (const { name } of element.attributes) if (name.startsWith('on')) wrong.push(element.localName + ' has ' + name)
    }
    return wrong
  })()`)
  assert.deepEqual(found, [])
  const own = new URL(origin).host
  assert.deepEqual([...page.origins].filter((each) => new URL(each).host !== own), [])
}

/** For `PageOptions.before`: counts whatever an injected text runs. */
export const COUNT_HITS = 'globalThis.__hit = 0; globalThis.hit = () => { globalThis.__hit += 1 }'

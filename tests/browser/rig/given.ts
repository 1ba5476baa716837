import type { TestPage } from './page.ts'
import { until } from './until.ts'

/** For `PageOptions.before`: keeps what the page copies, downloads and prints, in the place of a
 * clipboard, a folder and a printer. */
export const KEEP_GIVEN = `(() => {
  const given = (globalThis.__given = { copied: [], files: [], printed: [] })
  const clipboard = { writeText: async (text) => void given.copied.push(text) }
  Object.defineProperty(Navigator.prototype, 'clipboard', { configurable: true, get: () => clipboard })
  const address = URL.createObjectURL
  URL.createObjectURL = (blob) => {
    void blob.text().then((text) => given.files.push(text))
    return address.call(URL, blob)
  }
  globalThis.print = () => given.printed.push(document.querySelector('[data-testid=paper]').innerText || document.querySelector('[data-testid=paper]').textContent)
})()`

/** Where a page gives something away. */
export type Given = 'copied' | 'files' | 'printed'

/** Clicks, and gives what the page gave away for it. */
export async function givenBy(page: TestPage, testid: string, where: Given): Promise<string> {
  const count = (): Promise<number> => page.evaluate<number>(`__given.${where}.length`)
  const before = await count()
  await page.click(testid)
  await until(`${testid} gives something`, async () => (await count()) > before, 15_000, () => page.bodyText())
  return page.evaluate<string>(`__given.${where}.at(-1)`)
}

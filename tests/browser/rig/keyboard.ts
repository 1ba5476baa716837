import assert from 'node:assert/strict'
import type { TestPage } from './page.ts'

/** More steps than any screen has stops. */
const MOST_TABS = 60

/** Goes to the element with this `data-testid` by Tab alone, and presses a key there. */
export async function press(page: TestPage, testid: string, key: 'Enter' | ' '): Promise<void> {
  await tabTo(page, testid)
  await page.raw.keyboard.press(key)
}

/** The same for the one of several that stands inside `place`. */
export async function pressIn(page: TestPage, place: string, testid: string, key: 'Enter' | ' '): Promise<void> {
  const selector = JSON.stringify(`${place} [data-testid="${testid}"]`)
  await tabUntil(page, `the ${testid} in ${place}`, `document.activeElement?.matches(${selector}) === true`)
  await page.raw.keyboard.press(key)
}

/** Goes to the element with this `data-testid` by Tab alone. */
export function tabTo(page: TestPage, testid: string): Promise<void> {
  return tabUntil(page, `the element ${testid}`, `document.activeElement?.dataset.testid === ${JSON.stringify(testid)}`)
}

/** Presses Tab until `reached`; every stop on the way must show its focus. */
async function tabUntil(page: TestPage, what: string, reached: string): Promise<void> {
  for (let tabs = 0; tabs < MOST_TABS; tabs += 1) {
    if (await page.evaluate<boolean>(reached)) {
      assert.ok(await page.evaluate<boolean>(FOCUS_SHOWS), `${what} shows that it has the focus`)
      return
    }
    await page.raw.keyboard.press('Tab')
  }
  throw new Error(`${what} is not reached by Tab: ${await page.bodyText()}`)
}

const FOCUS_SHOWS = `(() => {
  const style = getComputedStyle(document.activeElement)
  return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none'
})()`

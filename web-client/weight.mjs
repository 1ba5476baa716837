// What a browser fetches of the built page: scripts and styles, gzipped. Read off the files themselves,
// so that a release and the build that guards its bounds count the same thing.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** Most bytes, gzipped, of what `weigh` counts; the build fails beyond. Higher: a slower first look on a
 * school's line. */
export const BOUNDS = { joinPage: 60_000, encryption: 60_000 }

/** Weighs a folder that was built, for a page in French.
 * @param {string} dist
 * @returns {{ joinPage: number, clearCall: number, encryptedCall: number, encryption: number, everything: number }}
 */
export function weigh(dist) {
  const names = readdirSync(join(dist, 'assets')).filter((name) => /\.(js|css)$/.test(name))
  const texts = new Map(names.map((name) => [name, readFileSync(join(dist, 'assets', name))]))
  const weightOf = (/** @type {Iterable<string>} */ chosen) =>
    [...chosen].reduce((sum, name) => sum + gzipSync(texts.get(name) ?? '', { level: 9 }).length, 0)
  /** The scripts and styles that come with these, and these. */
  const closure = (/** @type {readonly string[]} */ roots, /** @type {Set<string>} */ found = new Set()) => {
    for (const name of roots) {
      if (found.has(name) || !texts.has(name)) continue
      found.add(name)
      if (name.endsWith('.js')) closure(importsOf(String(texts.get(name))), found)
    }
    return found
  }
  const fetched = new Map([...texts].flatMap(([name, text]) => (name.endsWith('.js') ? fetchedBy(String(text)) : [])))
  /** What one `import()` of the source fetches: its own chunk, and the styles the page is told of beside it. */
  const part = (/** @type {string} */ stem) => {
    const own = names.filter((name) => name.endsWith('.js') && name.replace(/-[\w-]{8}\.js$/, '') === stem)
    const [name] = own
    if (name === undefined || own.length > 1) throw new Error(`${own.length} built files are called ${stem}`)
    return [name, ...(fetched.get(name) ?? [])]
  }

  const page = readFileSync(join(dist, 'index.html'), 'utf8')
  const first = closure([...page.matchAll(/(?:src|href)="\/assets\/([^"]+\.(?:js|css))"/g)].map(([, name = '']) => name))
  const clear = closure([...part('open'), ...part('fr'), ...part('stage')], new Set(first))
  const encrypted = closure([...part('session'), ...part('frames-worker')], new Set(clear))
  return {
    joinPage: weightOf(first),
    clearCall: weightOf(clear),
    encryptedCall: weightOf(encrypted),
    encryption: weightOf([...encrypted].filter((name) => !clear.has(name))),
    everything: weightOf(names),
  }
}

/** The bounds that are passed, one sentence each.
 * @param {ReturnType<typeof weigh>} weights
 */
export function passedBounds(weights) {
  return Object.entries(BOUNDS).flatMap(([what, most]) => {
    const weight = weights[/** @type {keyof typeof BOUNDS} */ (what)]
    return weight > most ? [`${what} weighs ${weight} bytes gzipped, more than ${most}`] : []
  })
}

/** Names of files that a script imports as it begins. */
function importsOf(/** @type {string} */ script) {
  return [...script.matchAll(/(?:from|import)\s*["'`]\.\/([^"'`]+\.js)["'`]/g)].map(([, name = '']) => name)
}

/** Each file that a script imports later, with the files that come beside it.
 * @returns {[string, string[]][]}
 */
function fetchedBy(/** @type {string} */ script) {
  const list = [...(/\.f=\[([^\]]*)\]/.exec(script)?.[1] ?? '').matchAll(/"assets\/([^"]+)"/g)].map(([, name = '']) => name)
  return [...script.matchAll(/import\(["'`]\.\/([^"'`]+)["'`]\)[^;]*?__vite__mapDeps\(\[([\d,]*)\]\)/g)].map(([, name = '', places = '']) => [
    name,
    places.split(',').flatMap((place) => (place === '' ? [] : (list[Number(place)] ?? []))),
  ])
}

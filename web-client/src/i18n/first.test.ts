import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isFirst } from './first'
import fr from './fr.json'

const KEYS = Object.keys(fr)

describe('the texts that come with the page', () => {
  it('are all that its own scripts show before others are fetched', () => {
    const scripts = importedBy('src/main.tsx')
    expect(scripts).toContain('src/ui/prejoin.tsx')
    expect(scripts).not.toContain('src/ui/stage/stage.tsx')
    for (const script of scripts) {
      const missing = shownBy(readFileSync(script, 'utf8')).filter((key) => !isFirst(key))
      // What can go wrong later is fetched with what can.
      expect(missing.filter((key) => !key.startsWith('error.')), script).toEqual([])
    }
  })

  it('are few', () => {
    expect(KEYS.filter(isFirst).length).toBeLessThan(KEYS.length / 8)
  })
})

/** Every script that is fetched with this one: what it imports as it begins, and they in turn. */
function importedBy(script: string, found = new Set<string>()): string[] {
  if (found.has(script)) return []
  found.add(script)
  const imports = readFileSync(script, 'utf8').matchAll(/^(?:import|export)\s+(?!type\b)(?:[^;'"]*?from\s+)?'(\.[^']+)'/gm)
  for (const [, to = ''] of imports) {
    const path = join(dirname(script), to)
    const file = [`${path}.ts`, `${path}.tsx`].find((one) => existsSync(one))
    if (file !== undefined) importedBy(file, found)
  }
  return [...found]
}

/** Keys that stand in a script, whole or by their beginning. */
function shownBy(script: string): string[] {
  const whole = [...script.matchAll(/'([a-z]\w*\.[\w.]+)'/g)].flatMap(([, key = '']) => [key, `${key}.one`, `${key}.other`])
  const beginnings = [...script.matchAll(/`([a-z]\w*\.[\w.]*)\$\{/g)].map(([, beginning = '']) => beginning)
  return KEYS.filter((key) => whole.includes(key) || beginnings.some((beginning) => key.startsWith(beginning)))
}

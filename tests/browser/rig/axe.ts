import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { TestPage } from './page.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Rules of WCAG 2.2 A and AA, which RGAA 4 builds on, and what axe calls best practice. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'RGAAv4', 'best-practice']

/** What was looked at, for the accessibility statement. */
export interface Looked {
  views: number
  rules: Set<string>
  violations: number
  axe: string
}

interface Outcome {
  violations: Violation[]
  rules: string[]
  axe: string
}

interface Violation {
  id: string
  help: string
  nodes: { target: string[]; failureSummary: string }[]
}

/** Violations of accessibility rules on what the page shows now, one line each; counted in `looked`. */
export async function violations(page: TestPage, looked?: Looked): Promise<string[]> {
  if (!(await page.evaluate<boolean>('Boolean(globalThis.axe)'))) await page.evaluate(`${AXE}; undefined`)
  const options = JSON.stringify({ runOnly: TAGS, resultTypes: ['violations'] })
  const found = await page.evaluate<Outcome>(`axe.run(document, ${options}).then((result) => ({
    violations: result.violations,
    rules: [...result.passes, ...result.violations, ...result.incomplete].map((rule) => rule.id),
    axe: result.testEngine.version,
  }))`)
  if (looked !== undefined) {
    looked.views += 1
    looked.violations += found.violations.length
    looked.axe = found.axe
    for (const id of found.rules) looked.rules.add(id)
  }
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.target.join(' ')}: ${node.failureSummary.replace(/\s+/g, ' ')}`),
  )
}

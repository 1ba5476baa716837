import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { TestPage } from './page.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Rules of WCAG 2.2 A and AA, which RGAA 4 builds on, and what axe calls best practice. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'RGAAv4', 'best-practice']

interface Violation {
  id: string
  help: string
  nodes: { target: string[]; failureSummary: string }[]
}

/** Violations of accessibility rules on what the page shows now, one line each. */
export async function violations(page: TestPage): Promise<string[]> {
  if (!(await page.evaluate<boolean>('Boolean(globalThis.axe)'))) await page.evaluate(`${AXE}; undefined`)
  const options = JSON.stringify({ runOnly: TAGS, resultTypes: ['violations'] })
  const found = await page.evaluate<Violation[]>(`axe.run(document, ${options}).then((result) => result.violations)`)
  return found.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.target.join(' ')}: ${node.failureSummary.replace(/\s+/g, ' ')}`),
  )
}

import { execFileSync } from 'node:child_process'
import type { TestPage } from './page.ts'
import { PREAU_BIN, type PreauServer } from './server.ts'
import { until } from './until.ts'

/** A way to the server, and what came of it, as the administrator's page shows them. */
export interface TriedWay {
  way: string
  state: string
}

/** A fresh link to the administrator's page, at this origin of the server. */
export function doctorLink(server: PreauServer, origin: string): string {
  const args = ['doctor', '--page', '--data', server.dataFolder, '--share-origin', origin]
  const link = execFileSync(PREAU_BIN, args, { encoding: 'utf8' }).trim()
  server.forbidInLog(link.split('#v1d.')[1] ?? '')
  return link
}

/** Waits until the page has tried every way, and gives them. */
export async function untilAllTried(page: TestPage): Promise<TriedWay[]> {
  return until('each way was tried', async () => {
    const tried = await ways(page)
    return tried.length > 2 && tried.every(({ state }) => state !== 'running') && tried
  }, 20_000, () => ways(page))
}

function ways(page: TestPage): Promise<TriedWay[]> {
  return page.evaluate(
    `[...document.querySelectorAll('[data-testid^=doctor-way-]')].map(({ dataset }) => ({ way: dataset.testid, state: dataset.state }))`,
  )
}

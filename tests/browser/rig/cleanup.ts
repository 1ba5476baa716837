import { rmSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Undo steps that run when the test process ends, however it ends; newest first. */
const undo = new Set<() => void>()

/** Registers a synchronous undo step; the returned function forgets it. */
export function atExit(step: () => void): () => void {
  undo.add(step)
  return () => undo.delete(step)
}

/** Ends the process `pid` (and its group when `group`) at exit, unless forgotten before. */
export function killAtExit(pid: number, group: boolean): () => void {
  return atExit(() => {
    killQuietly(group ? -pid : pid, 'SIGKILL')
  })
}

/** Sends a signal to one process or, negative, one group; false when it is gone. */
export function killQuietly(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}

/** A new private folder, deleted at exit. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `preau-${name}-`))
  atExit(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}

process.on('exit', () => {
  for (const step of [...undo].reverse()) {
    try {
      step()
    } catch (error) {
      process.stderr.write(`clean-up: ${String(error)}\n`)
    }
  }
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => process.exit(130))
}

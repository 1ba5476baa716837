import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { killAtExit, killQuietly } from './cleanup.ts'
import type { Ground } from './rule.ts'
import { within } from './until.ts'

/** Of the deadline of a rule, kept to end a script that hangs and to tell how far it came. */
const END_MS = 15_000

/**
 * Runs a script of these tests, with browsers of its own, where the words `enter` lead; gives what it
 * said. `deadlineMs`: of the rule.
 */
export async function runInside(ground: Ground, enter: readonly string[], args: readonly string[], deadlineMs: number): Promise<string> {
  const [command = '', ...words] = [...enter, process.execPath, '--import', 'tsx', ...args]
  const script = spawn(command, words, {
    cwd: new URL('..', import.meta.url),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    // The server there made its certificate itself.
    env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' },
  })
  const group = -(script.pid ?? 0)
  const forget = killAtExit(-group, true)
  const ended = once(script, 'exit') as Promise<[number | null]>
  // Asked first: it takes its browsers along, which are in groups of their own.
  ground.afterwards(async () => {
    killQuietly(group, 'SIGTERM')
    await within('the script ends', END_MS, ended).catch(() => killQuietly(group, 'SIGKILL'))
    forget()
  })
  let said = ''
  for (const pipe of [script.stdout, script.stderr]) {
    pipe.setEncoding('utf8')
    pipe.on('data', (text: string) => (said += text))
  }
  const [code] = await within('the script is over', deadlineMs - 2 * END_MS, ended).catch((late: unknown) => {
    throw new Error(`${String(late)}\n${said}`)
  })
  assert.equal(code, 0, said)
  return said
}

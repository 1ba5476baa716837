import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { killAtExit, killQuietly } from './rig/cleanup.ts'
import { Island } from './rig/island.ts'
import { rule } from './rig/rule.ts'
import { within } from './rig/until.ts'

/** Two browsers of its own are started, and a minute may pass until memory is clean. */
const DEADLINE_MS = 240_000

/** Of the deadline, kept to end a meeting that hangs and to tell how far it came. */
const END_MS = 15_000

rule(
  'r27_r29_r31_of_a_meeting_nothing_is_left_and_nobody_else_was_called',
  async (ground) => {
    const island = Island.create()
    ground.afterwards(() => island.remove())
    const [command = '', ...args] = [...island.enter, process.execPath, '--import', 'tsx', 'canary-meeting.ts']
    const meeting = spawn(command, [...args, island.server, island.caller, ...island.enterMachine], {
      cwd: new URL('.', import.meta.url),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      // The server made its certificate itself.
      env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    })
    const group = -(meeting.pid ?? 0)
    const forget = killAtExit(-group, true)
    const ended = once(meeting, 'exit') as Promise<[number | null]>
    // Asked first: it takes its browsers along, which are in groups of their own.
    ground.afterwards(async () => {
      killQuietly(group, 'SIGTERM')
      await within('the meeting ends', END_MS, ended).catch(() => killQuietly(group, 'SIGKILL'))
      forget()
    })
    let said = ''
    for (const pipe of [meeting.stdout, meeting.stderr]) {
      pipe.setEncoding('utf8')
      pipe.on('data', (text: string) => (said += text))
    }
    const [code] = await within('the meeting is over', DEADLINE_MS - 2 * END_MS, ended).catch((late: unknown) => {
      throw new Error(`${String(late)}\n${said}`)
    })
    assert.equal(code, 0, said)
    assert.match(said, /nothing is left/)
    assert.deepEqual(island.tries(), [], 'nobody else was called')
  },
  { order: 'alone', deadlineMs: DEADLINE_MS },
)

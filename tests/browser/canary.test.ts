import assert from 'node:assert/strict'
import { runInside } from './rig/inside.ts'
import { Island } from './rig/island.ts'
import { rule } from './rig/rule.ts'

/** Two browsers of its own are started, and a minute may pass until memory is clean. */
const DEADLINE_MS = 240_000

rule(
  'r27_r29_r31_of_a_meeting_nothing_is_left_and_nobody_else_was_called',
  async (ground) => {
    const island = Island.create({ hasWayOut: true })
    ground.afterwards(() => island.remove())
    const args = ['canary-meeting.ts', island.server, island.caller, ...island.enterMachine]
    const said = await runInside(ground, island.enter, args, DEADLINE_MS)
    assert.match(said, /nothing is left/)
    assert.deepEqual(island.tries(), [], 'nobody else was called')
  },
  { deadlineMs: DEADLINE_MS },
)

// What encryption costs a page in Chromium: figures, of which none is judged.

import assert from 'node:assert/strict'
import { join, untilCount } from './rig/call.ts'
import { Crowd } from './rig/crowd.ts'
import { untilEncrypted } from './rig/encrypted.ts'
import { figure, percentile } from './rig/figures.ts'
import { createRoom, encryptedPaths, guestPath } from './rig/link.ts'
import { selfIdOf } from './rig/media.ts'
import type { TestPage } from './rig/page.ts'
import { Renderer } from './rig/processes.ts'
import { type Ground, rule, turns } from './rig/rule.ts'
import type { PreauServer } from './rig/server.ts'
import { until } from './rig/until.ts'

/** An encrypted room into which the link alone admits. */
const FLAGS = { open: true, raw: false }

/** Members of the circle, whoever comes and goes among them. */
const MEMBERS = 30

/** How often somebody comes and goes. */
const TURNS = turns(10, 2)

/** How long the first to commit gathers those who come; see `BATCH_MS` in `web-client/src/e2ee/circle.ts`. */
const BATCH_MS = 150

/** For `PageOptions.before`: when the page heard of changes of the circle, and when it had dealt with them. */
const TIME_KEYS = `(() => {
  const talk = (globalThis.__keyTalk = [])
  const note = (way, text) => {
    const { type, epoch, by, added, removed } = JSON.parse(text)
    if (/^mls_|^participant_left$/.test(type)) talk.push({ at: performance.now(), way, type, epoch, by, added: added?.length, removed: removed?.length })
  }
  const Native = WebSocket
  globalThis.WebSocket = class WebSocket extends Native {
    constructor(...args) {
      super(...args)
      this.addEventListener('message', ({ data }) => note('heard', data))
    }
    send(data) {
      note('said', data)
      super.send(data)
    }
  }
})()`

interface Word {
  at: number
  way: 'heard' | 'said'
  type: string
  epoch?: number
  by?: string
  added?: number
  removed?: number
}

rule(
  'e2ee_figures_new_keys_for_thirty',
  async (ground) => {
    const { server, guest, moderator } = await encryptedRoom(ground)
    // First in, and a moderator: makes every commit. The other one receives them all.
    const committer = await join(ground, server, moderator, { name: 'Mme Secrète', before: TIME_KEYS })
    const receiver = await join(ground, server, guest, { name: 'Anselme Ibis', before: TIME_KEYS })
    await untilEncrypted([committer, receiver], 2)
    const crowd = Crowd.enter(ground, guest, { count: MEMBERS - 3 })
    await untilCount(committer, MEMBERS - 1, 30_000)
    await untilEncrypted([committer, receiver], MEMBERS - 1)
    // A member has a machine of their own; here they would take this one from those who are measured.
    crowd.standStill()
    const from = [(await talkOf(committer)).length, (await talkOf(receiver)).length] as const
    for (let turn = 0; turn < TURNS; turn += 1) {
      const page = await join(ground, server, guest)
      await untilEncrypted([page, committer, receiver], MEMBERS)
      await page.click('leave')
      await page.find('left-page')
      await page.close()
      await untilEncrypted([committer, receiver], MEMBERS - 1)
    }
    const made = commits((await talkOf(committer)).slice(from[0]))
    const taken = receptions((await talkOf(receiver)).slice(from[1]), await selfIdOf(receiver), made)
    for (const kind of ['add', 'remove'] as const) {
      const [making, receiving] = [made, taken].map((all) => all.filter((one) => one.kind === kind).map(({ ms }) => ms))
      assert.ok((making?.length ?? 0) > 0 && (receiving?.length ?? 0) > 0, `no ${kind} was seen`)
      figure(`${MEMBERS} members, ${kind}: to make the commit ${spread(making ?? [])}, to receive it ${spread(receiving ?? [])}`)
    }
  },
  { order: 'alone', deadlineMs: 120_000 },
)

/** Cameras that are watched. */
const CAMERAS = 9

/** Frames that are decoded before a count, and in it: of nine cameras, some 4 and 8 seconds. */
const FRAMES = { first: 1_000, counted: 2_000 }

/** Turns of both rooms. */
const ROUNDS = 3

rule(
  'e2ee_figures_processor_of_a_page_with_nine_cameras',
  async (ground) => {
    const { server, guest } = await encryptedRoom(ground)
    const links = await createRoom(server.origin)
    ground.keepSecret(server, links)
    const rooms = [`${server.origin}${guestPath(links)}`, guest].map((link) => ({ link, used: [] as number[] }))
    for (const { link } of rooms) Crowd.enter(ground, link, { count: CAMERAS, sends: ['camera'] })
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { link, used } of rooms) {
        const page = await join(ground, server, link)
        const renderer = await Renderer.of(page)
        await untilDecoded(page, FRAMES.first)
        const before = { frames: await decoded(page), seconds: renderer.cpuSeconds() }
        await untilDecoded(page, before.frames + FRAMES.counted)
        const seconds = renderer.cpuSeconds() - before.seconds
        used.push((seconds * 1_000_000) / ((await decoded(page)) - before.frames))
        await page.click('leave')
        await page.find('left-page')
        await page.close()
      }
    }
    const [clear = 0, sealed = 0] = rooms.map(({ used }) => percentile(used, 0.5))
    const more = ((sealed / clear - 1) * 100).toFixed(1)
    figure(
      `page with ${CAMERAS} cameras, processor time for each decoded frame, ${ROUNDS} turns: ` +
        `in clear ${clear.toFixed(0)} µs (${rooms[0]?.used.map((one) => one.toFixed(0)).join(', ')}), ` +
        `encrypted ${sealed.toFixed(0)} µs (${rooms[1]?.used.map((one) => one.toFixed(0)).join(', ')}): ${more} % more`,
    )
  },
  { order: 'alone', deadlineMs: 240_000, onlyByName: true },
)

async function encryptedRoom(ground: Ground): Promise<{ server: PreauServer; guest: string; moderator: string }> {
  const server = await ground.server()
  const links = await createRoom(server.origin, 'reunion', FLAGS)
  ground.keepSecret(server, links)
  const { guest, moderator } = encryptedPaths(links, FLAGS)
  return { server, guest: `${server.origin}${guest}`, moderator: `${server.origin}${moderator}` }
}

function talkOf(page: TestPage): Promise<Word[]> {
  return page.evaluate('__keyTalk')
}

interface Change {
  kind: 'add' | 'remove' | 'both'
  /** The epoch it made. */
  epoch: number
  ms: number
}

/** Every commit that was made: the time since it was due. */
function commits(talk: readonly Word[]): Change[] {
  let due: number | null = null
  return talk.flatMap(({ at, way, type, epoch = 0, added = 0, removed = 0 }) => {
    if (way === 'heard' && (type === 'mls_wanted' || type === 'participant_left')) due ??= at + BATCH_MS
    if (way !== 'said' || type !== 'mls_commit' || due === null) return []
    const ms = at - due
    due = null
    return [{ kind: added > 0 && removed > 0 ? 'both' : added > 0 ? 'add' : 'remove', epoch: epoch + 1, ms }]
  })
}

/** How long each commit of somebody else took until this page had its keys and said so. */
function receptions(talk: readonly Word[], self: string, made: readonly Change[]): Change[] {
  return talk.flatMap(({ at, way, type, epoch, by }, i) => {
    if (way !== 'heard' || type !== 'mls_committed' || by === self) return []
    const ready = talk.slice(i).find((word) => word.way === 'said' && word.type === 'mls_ready' && word.epoch === epoch)
    const change = made.find((one) => one.epoch === epoch)
    return ready === undefined || change === undefined ? [] : [{ ...change, ms: ready.at - at }]
  })
}

function spread(all: number[]): string {
  return `p50 ${percentile(all, 0.5).toFixed(1)} ms, p95 ${percentile(all, 0.95).toFixed(1)} ms`
}

/** Frames of cameras that a page has decoded. */
async function decoded(page: TestPage): Promise<number> {
  return (await page.arrivals()).filter(({ source }) => source === 'camera').reduce((sum, { frames }) => sum + frames, 0)
}

async function untilDecoded(page: TestPage, frames: number): Promise<void> {
  await until(
    `${frames} frames of ${CAMERAS} cameras`,
    async () => (await page.arrivals()).filter(({ frames }) => frames > 0).length === CAMERAS && (await decoded(page)) >= frames,
    60_000,
    () => page.arrivals(),
  )
}

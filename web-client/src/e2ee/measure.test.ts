// What it costs, printed with each run. The bounds are far above what an idle machine takes: they
// catch what became ten times slower, not a busy machine.

import { describe, expect, it } from 'vitest'
import { hostKeyOf } from '../host-key'
import { makeSecret, toBase64Url } from '../link'
import { signingKeyOf } from '../signing-key'
import { admitByHost, checkAdmission, untilOf } from './admission'
import { drawTicket, Epoch, type Judge, type Ticket } from './epoch'
import { FrameKeys } from './frame-keys'
import { Opener, Section } from './opener'
import { Sealer } from './sealer'

const median = (all: number[]): number => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0

describe('what it costs', () => {
  it('to give thirty members new keys', async () => {
    const room = new Uint8Array(16)
    const host = await hostKeyOf(makeSecret())
    const present = new Set<string>()
    const judge: Judge = {
      pskOf: () => new Uint8Array(32),
      judge: ({ credential, memberKey }, joining) =>
        checkAdmission(
          { room, hostKey: host.publicKey, open: false, macKeyOf: () => null },
          { room: credential.room, participant: credential.participant, memberKey },
          credential.admission,
          0,
          joining,
        ),
      isPresent: (participant) => present.has(participant),
    }
    const context = { room, flags: { open: false, raw: false }, fingerprint: new Uint8Array(16) }
    const tickets: Ticket[] = []
    for (let i = 0; i < 31; i += 1) {
      const seed = crypto.getRandomValues(new Uint8Array(32))
      const { publicKey } = await signingKeyOf(seed)
      const participant = toBase64Url(Uint8Array.from([0, 0, 0, 0, 0, 0, 0, i]))
      present.add(participant)
      const admission = await admitByHost(host, { room, participant, memberKey: publicKey }, 'guest', untilOf(0))
      tickets.push(await drawTicket({ seed, memberKey: publicKey, credential: { participant, room, audienceKey: new Uint8Array(32), admission } }))
    }
    const [first, second, ...others] = tickets
    const last = others.pop()
    if (first === undefined || second === undefined || last === undefined) throw new Error('no tickets')
    const made = await (await Epoch.create(context, first)).commit([second, ...others].map(({ pack }) => pack), [], 0, judge)
    let committer = made.next
    let receiver = await Epoch.join(context, second, made.welcome ?? new Uint8Array(), judge)
    const times: Record<string, number[]> = {}
    const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      const start = performance.now()
      const result = await work()
      ;(times[what] ??= []).push(performance.now() - start)
      return result
    }
    for (let i = 0; i < 9; i += 1) {
      const added = await timed('add: commit', () => committer.commit([last.pack], [], 0, judge))
      const heard = await timed('add: receive', () => receiver.process(added.commit, judge))
      await timed('add: join', () => Epoch.join(context, last, added.welcome ?? new Uint8Array(), judge))
      if (heard === null) throw new Error('removed')
      const leaf = heard.next.leafOf(toBase64Url(Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 30])))?.leaf ?? 0
      present.delete(toBase64Url(Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 30])))
      const removed = await timed('remove: commit', () => added.next.commit([], [leaf], 0, judge))
      const after = await timed('remove: receive', () => heard.next.process(removed.commit, judge))
      present.add(toBase64Url(Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 30])))
      if (after === null) throw new Error('removed')
      ;[committer, receiver] = [removed.next, after.next]
    }
    const medians = Object.fromEntries(Object.entries(times).map(([what, all]) => [what, median(all)]))
    report(Object.entries(medians).map(([what, ms]) => `30 members, ${what} ${ms.toFixed(1)} ms`))
    expect(receiver.number).toBe(committer.number)
    expect(await receiver.baseKey()).toEqual(await committer.baseKey())
  }, 120_000)

  it('to seal and to open a frame of 20 kB', async () => {
    const sealer = new Sealer()
    const keys = new FrameKeys()
    const epoch = { serial: 1, epoch: 1, baseKey: new Uint8Array(16), leaf: 0, leaves: new Map([[0, 'a']]) }
    sealer.sendWith(epoch)
    keys.add(epoch, 0)
    let [opened, most] = [0, 0]
    const section = new Section<null>(new Opener(keys), () => (opened += 1))
    section.expect({ participant: 'a', source: 'camera' }, 0)
    const frame = new Uint8Array(20_000).fill(0x31)
    const [seal, open]: [number[], number[]] = [[], []]
    for (let i = 0; i < 1000; i += 1) {
      const start = performance.now()
      const sealed = await sealer.seal('camera', frame, 'video/VP8')
      const middle = performance.now()
      if (sealed !== null) await section.take(null, sealed, 'video/VP8', 0)
      most = Math.max(most, (sealed?.length ?? Infinity) - frame.length)
      seal.push(middle - start)
      open.push(performance.now() - middle)
    }
    expect(opened).toBe(1000)
    expect(most).toBeLessThanOrEqual(23)
    report([`20 kB, seal p50 ${(median(seal) * 1000).toFixed(0)} µs`, `20 kB, open p50 ${(median(open) * 1000).toFixed(0)} µs`])
  }, 60_000)
})

function report(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `    ${line}\n`).join(''))
}

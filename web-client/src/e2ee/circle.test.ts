// What goes wrong on the way: answers that are lost, lines that are cut at the worst moment, and members
// who do not play by the rules.

import { encodeMlsMessage, generateKeyPackageWithKey, getCiphersuiteFromName, getCiphersuiteImpl } from 'ts-mls'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { toBase64Url } from '../link'
import type { Request } from '../protocol/connection'
import type { ErrorCode } from '../protocol/generated'
import { encodeCredential } from './admission'
import { concat } from './bytes'
import { areTogether, type Page, TestRoom } from './testing'

let room: TestRoom

beforeEach(async () => {
  room = await TestRoom.make()
})

const warningsOf = (pages: readonly Page[]) => pages.flatMap(({ session }) => session.warnings.value)

/** The next request of this type by this page is served, or is not, and its answer is lost in any case;
 * `cut`: with its line. */
function lose(by: Page | null, type: Request['type'], { served, cut }: { served: boolean; cut: boolean }): void {
  room.refuse = (page, request) => {
    if ((by !== null && page !== by) || request.type !== type) return null
    room.refuse = () => null
    if (cut) page.online = false
    if (served) room['serve'](page, request)
    return 'lost' as ErrorCode
  }
}

describe('a commit whose answer was lost', () => {
  for (const served of [true, false]) {
    for (const away of [50, 2_000]) {
      it(`with the line does no harm (${served ? '' : 'not '}taken, away for ${away} ms)`, async () => {
        const [a, b] = [await room.enter('moderator'), await room.enter()]
        const asked = vi.spyOn(a.session['around'], 'request')
        const epoch = room.epoch
        lose(a, 'mls_commit', { served, cut: true })
        const c = await room.arrive()
        await room.settle(300)
        await room.settle(away)
        // Another one would take the place of the first, which may be on its way.
        expect(asked.mock.calls.filter(([{ type }]) => type === 'mls_commit')).toHaveLength(1)
        a.online = true
        room.join(a, true)
        await room.settle()
        expect(areTogether([a, b, c])).toBe(true)
        expect(room.epoch).toBe(epoch + 1)
        expect(warningsOf([a, b, c])).toEqual([])
      })
    }

    it(`without the line does no harm (${served ? '' : 'not '}taken)`, async () => {
      const a = await room.enter('moderator')
      const epoch = room.epoch
      lose(a, 'mls_commit', { served, cut: false })
      const b = await room.enter()
      expect(areTogether([a, b])).toBe(true)
      expect(room.epoch).toBe(epoch + 1)
      expect(warningsOf([a, b])).toEqual([])
    })
  }
})

describe('what makes a page a member', () => {
  for (const served of [true, false]) {
    it(`is tried again where the answer was lost (${served ? '' : 'not '}taken)`, async () => {
      lose(null, 'mls_create', { served, cut: false })
      const a = await room.enter('moderator')
      expect(areTogether([a])).toBe(true)
      lose(null, 'mls_key_package', { served, cut: false })
      const b = await room.enter()
      expect(areTogether([a, b])).toBe(true)
    })

    it(`is said again where it was lost that a page is ready (${served ? '' : 'not '}taken)`, async () => {
      const a = await room.enter('moderator')
      const b = await room.arrive()
      lose(b, 'mls_ready', { served, cut: true })
      await room.settle()
      b.online = true
      room.join(b, true)
      await room.settle()
      expect(room.ready.get(b.id)).toBe(room.epoch)
      lose(null, 'mls_ready', { served, cut: false })
      const c = await room.enter()
      await room.settle(6000)
      for (const { id } of [a, b, c]) expect(room.ready.get(id)).toBe(room.epoch)
      expect(warningsOf([a, b, c])).toEqual([])
    })
  }
})

describe('a key package that others would refuse', () => {
  it('holds nobody up: with the key of somebody’s leaf', async () => {
    const [a, b] = [await room.enter('moderator'), await room.enter()]
    const c = await room.enter()
    const epoch = c.session['circle'].current
    const own = c.session['circle']['own']
    if (epoch === null || own === null) throw new Error('no member')
    const node = epoch['state'].ratchetTree[2 * (epoch.leafOf(b.id)?.leaf ?? 0)]
    if (node?.nodeType !== 'leaf') throw new Error('no leaf')
    // The first key that is asked for is the leaf’s.
    const keys = [node.leaf.hpkePublicKey]
    const suite = await getCiphersuiteImpl(getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'))
    const { publicPackage } = await generateKeyPackageWithKey(
      { credentialType: 'basic', identity: encodeCredential(own.credential) },
      { versions: ['mls10'], ciphersuites: [suite.name], extensions: [0xf0a1], proposals: [], credentials: ['basic'] },
      { notBefore: 0n, notAfter: 2n ** 64n - 1n },
      [],
      { signKey: own.seed, publicKey: own.memberKey },
      { ...suite, hpke: { ...suite.hpke, exportPublicKey: async (key) => keys.shift() ?? suite.hpke.exportPublicKey(key) } },
    )
    const bytes = concat(encodeMlsMessage({ version: 'mls10', wireformat: 'mls_key_package', keyPackage: publicPackage }))
    c.tamper = () => null
    room.answer(c, { type: 'mls_key_package', keyPackage: toBase64Url(bytes) })
    const d = await room.enter()
    expect([...d.session.members.value.keys()]).toEqual(expect.arrayContaining([a.id, b.id, d.id]))
    expect(new Set([a, b, d].map(({ baseKey }) => baseKey)).size).toBe(1)
    for (const { session } of [a, b, d]) expect(session.state.value).toBe('member')
  })

  it('holds nobody up: two with one member key', async () => {
    const a = await room.enter('moderator')
    const b = await room.arrive()
    const c = await room.arrive()
    const d = await room.arrive()
    c.session.close()
    c.identity = b.identity
    await c.open()
    room.join(c, false)
    await room.settle(2_000)
    expect(d.session.state.value).toBe('member')
    expect([b, c].filter(({ session }) => session.state.value === 'member')).toHaveLength(1)
    await room.settle(500)
    const commits = room.asked.filter(({ request }) => request.type === 'mls_commit').length
    await room.settle(10_000)
    expect(room.asked.filter(({ request }) => request.type === 'mls_commit')).toHaveLength(commits)
    expect(a.session.state.value).toBe('member')
  })
})

describe('a key package that was used', () => {
  it('is not tried for ever where the server says it again', async () => {
    const a = await room.enter('moderator')
    const heard: Parameters<typeof a.tamper>[0][] = []
    a.tamper = (message) => {
      heard.push(message)
      return message
    }
    const b = await room.enter()
    const { epoch } = room
    const wanted = heard.find(({ type }) => type === 'mls_wanted')
    if (wanted === undefined) throw new Error('b asked nobody')
    room.asked.length = 0
    a.hear(wanted)
    await room.settle(60_000)
    expect(room.asked.filter(({ request }) => request.type === 'mls_commit').length).toBeLessThanOrEqual(1)
    const c = await room.enter()
    expect(areTogether([a, b, c])).toBe(true)
    expect(room.epoch).toBe(epoch + 1)
    expect(warningsOf([a, b, c])).toEqual([])
  })
})

import {
  type ClientState,
  createCommit,
  decodeMlsMessage,
  emptyPskIndex,
  encodeMlsMessage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  mlsExporter,
  processPublicMessage,
  type Proposal,
} from 'ts-mls'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hostKeyOf } from '../host-key'
import { makeSecret, toBase64Url } from '../link'
import { type SigningKey, signingKeyOf } from '../signing-key'
import { admitByHost, type Candidate, checkAdmission, type ParticipantId, untilOf } from './admission'
import { type Bytes, concat } from './bytes'
import { type CircleContext, drawTicket, Epoch, type Judge, type Own, readKeyPackage, type Ticket } from './epoch'
import { pskId } from './link-keys'

const NOW = 1_800_000_000
const ROOM = new Uint8Array(16).fill(9)
const CONTEXT: CircleContext = { room: ROOM, flags: { open: false, raw: false }, fingerprint: new Uint8Array(16).fill(1) }
const PSK = new Uint8Array(32).fill(3)

let host: SigningKey
let present: Set<ParticipantId>
const judge: Judge = {
  pskOf: (generation) => (generation === 0 ? PSK : null),
  judge: ({ credential, memberKey }, joining) => {
    const trust = { room: ROOM, hostKey: host.publicKey, open: false, macKeyOf: () => null }
    const candidate: Candidate = { room: credential.room, participant: credential.participant, memberKey }
    return checkAdmission(trust, candidate, credential.admission, NOW, joining)
  },
  isPresent: (participant) => present.has(participant),
}

const idOf = (number: number): ParticipantId => toBase64Url(Uint8Array.from([0, 0, 0, 0, 0, 0, 0, number]))

/** A participant who is here, with an admission of the host's. */
async function person(number: number, signer = host, role: 'guest' | 'moderator' = 'guest'): Promise<Own & { ticket: Ticket }> {
  const seed = crypto.getRandomValues(new Uint8Array(32))
  const { publicKey } = await signingKeyOf(seed)
  const participant = idOf(number)
  present.add(participant)
  const admission = await admitByHost(signer, { room: ROOM, participant, memberKey: publicKey }, role, untilOf(NOW))
  const credential = { participant, room: ROOM, audienceKey: crypto.getRandomValues(new Uint8Array(32)), admission }
  const own = { seed, memberKey: publicKey, credential }
  return { ...own, ticket: await drawTicket(own) }
}

/** What the library itself holds of an epoch: for those who do what no page does. */
const stateOf = (epoch: Epoch): ClientState => epoch['state']
const suite = () => getCiphersuiteImpl(getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'))

/** A commit by the rules of MLS alone. */
async function rogue(epoch: Epoch, extraProposals: Proposal[]): Promise<Bytes> {
  const pskIndex = { findPsk: () => PSK }
  const made = await createCommit(
    { state: stateOf(epoch), cipherSuite: await suite(), pskIndex },
    { wireAsPublicMessage: true, extraProposals, ratchetTreeExtension: true },
  )
  return concat(encodeMlsMessage(made.commit))
}

const add = ({ ticket }: { ticket: Ticket }): Proposal => ({ proposalType: 'add', add: { keyPackage: ticket.pack } })
const psk = (id = pskId(0)): Proposal => ({
  proposalType: 'psk',
  psk: { preSharedKeyId: { psktype: 'external', pskId: id, pskNonce: crypto.getRandomValues(new Uint8Array(32)) } },
})

let alice: Epoch
let bob: Epoch

beforeAll(async () => {
  host = await hostKeyOf(makeSecret())
})

beforeEach(async () => {
  present = new Set()
  const [a, b] = [await person(1, host, 'moderator'), await person(2)]
  const first = await Epoch.create(CONTEXT, a.ticket)
  const { next, welcome } = await first.commit([b.ticket.pack], [], 0, judge)
  alice = next
  bob = await Epoch.join(CONTEXT, b.ticket, welcome ?? new Uint8Array(), judge)
})

describe('an epoch', () => {
  it('has one base key, and another one each time', async () => {
    expect(await alice.baseKey()).toEqual(await bob.baseKey())
    const { next, commit } = await alice.commit([], [], 0, judge)
    const processed = await bob.process(commit, judge)
    expect(await processed?.next.baseKey()).toEqual(await next.baseKey())
    expect(await next.baseKey()).not.toEqual(await alice.baseKey())
  })

  it('reads whom a key package is of', async () => {
    const c = await person(3)
    expect(readKeyPackage(c.ticket.keyPackage).leaf.credential).toEqual(c.credential)
    expect(() => readKeyPackage(c.ticket.keyPackage.slice(1))).toThrow()
    expect(() => readKeyPackage(Uint8Array.of(...c.ticket.keyPackage, 0))).toThrow()
  })

  it('is out of reach of whoever was removed', async () => {
    const c = await person(3)
    const grown = await alice.commit([c.ticket.pack], [], 0, judge)
    const carol = await Epoch.join(CONTEXT, c.ticket, grown.welcome ?? new Uint8Array(), judge)
    present.delete(idOf(3))
    const { next, commit } = await grown.next.commit([], [carol.ownLeaf], 0, judge)
    expect(await carol.process(commit, judge)).toBeNull()
    // What the library gives one who keeps listening: no key of the new epoch.
    const [message] = decodeMlsMessage(commit, 0) ?? []
    if (message?.wireformat !== 'mls_public_message') throw new Error('no commit')
    const { newState } = await processPublicMessage(stateOf(carol), message.publicMessage, emptyPskIndex, await suite())
    const stale = await mlsExporter(newState.keySchedule.exporterSecret, 'SFrame 1.0 Base Key', new Uint8Array(), 16, await suite())
    expect(concat(stale)).not.toEqual(await next.baseKey())
    expect(message.publicMessage.content.contentType === 'commit' && message.publicMessage.content.commit.path).toBeTruthy()
  })
})

describe('a commit is refused', () => {
  it('that adds without the key of the link', async () => {
    await expect(bob.process(await rogue(alice, [add(await person(3))]), judge)).rejects.toThrow('not exactly one key')
  })

  it('that adds with two, or with one that is not the link’s', async () => {
    const c = await person(3)
    await expect(bob.process(await rogue(alice, [add(c), psk(), psk(pskId(1))]), judge)).rejects.toThrow('not exactly one key')
    await expect(bob.process(await rogue(alice, [add(c), psk(new Uint8Array(18))]), judge)).rejects.toThrow('not the link’s')
    await expect(bob.process(await rogue(alice, [add(c), psk(pskId(7))]), judge)).rejects.toThrow('not known')
    await expect(bob.process(await rogue(alice, [psk()]), judge)).rejects.toThrow('not exactly one key')
  })

  it('that adds by another key than the room’s, which only changes the epoch', async () => {
    const c = await person(3)
    const other: Judge = { ...judge, pskOf: () => new Uint8Array(32) }
    const { commit, welcome } = await alice.commit([c.ticket.pack], [], 0, other)
    await expect(bob.process(commit, judge)).rejects.toThrow()
    await expect(Epoch.join(CONTEXT, c.ticket, welcome ?? new Uint8Array(), judge)).rejects.toThrow()
  })

  it('that adds a ghost', async () => {
    const ghost = await person(3, await hostKeyOf(makeSecret()))
    await expect(bob.process(await rogue(alice, [add(ghost), psk()]), judge)).rejects.toThrow('not admitted: forged')
    const absent = await person(4)
    present.delete(idOf(4))
    await expect(bob.process(await rogue(alice, [add(absent), psk()]), judge)).rejects.toThrow('not present')
  })

  it('that adds somebody twice', async () => {
    const again = await person(1, host)
    await expect(bob.process(await rogue(alice, [add(again), psk()]), judge)).rejects.toThrow('who is there')
    const [c, d] = [await person(3), await person(3)]
    await expect(bob.process(await rogue(alice, [add(c), add(d), psk()]), judge)).rejects.toThrow('twice')
  })

  it('that removes somebody who is here', async () => {
    const c = await person(3)
    const grown = await alice.commit([c.ticket.pack], [], 0, judge)
    const carol = await Epoch.join(CONTEXT, c.ticket, grown.welcome ?? new Uint8Array(), judge)
    const commit = await rogue(grown.next, [{ proposalType: 'remove', remove: { removed: bob.ownLeaf } }])
    await expect(carol.process(commit, judge)).rejects.toThrow('removed who is present')
    present.delete(idOf(2))
    expect((await carol.process(commit, judge))?.removed).toEqual([idOf(2)])
  })

  it('that changes what the circle is', async () => {
    const extensions = [{ extensionType: 0xf0a1, extensionData: new Uint8Array(34) }]
    const commit = await rogue(alice, [{ proposalType: 'group_context_extensions', groupContextExtensions: { extensions } }])
    await expect(bob.process(commit, judge)).rejects.toThrow('a proposal of type')
  })

  it('that is of another epoch, cut or changed', async () => {
    const one = await alice.commit([], [], 0, judge)
    const two = await one.next.commit([], [], 0, judge)
    await expect(bob.process(two.commit, judge)).rejects.toThrow()
    await expect(bob.process(one.commit.slice(0, -1), judge)).rejects.toThrow()
    await expect(bob.process(one.commit.map((byte, i) => (i === 100 ? byte ^ 1 : byte)), judge)).rejects.toThrow()
    expect((await bob.process(one.commit, judge))?.next.number).toBe(2)
  })

  it('and leaves the epoch as it was', async () => {
    const before = await bob.baseKey()
    await expect(bob.process(await rogue(alice, [add(await person(3))]), judge)).rejects.toThrow()
    expect(await bob.baseKey()).toEqual(before)
    const { commit } = await alice.commit([], [], 0, judge)
    expect(await bob.process(commit, judge)).not.toBeNull()
  })
})

describe('a Welcome is refused', () => {
  it('to another kind of room', async () => {
    const c = await person(3)
    const { welcome } = await alice.commit([c.ticket.pack], [], 0, judge)
    for (const change of [{ flags: { open: true, raw: false } }, { flags: { open: false, raw: true } }, { fingerprint: new Uint8Array(16) }, { room: new Uint8Array(16) }]) {
      await expect(Epoch.join({ ...CONTEXT, ...change }, c.ticket, welcome ?? new Uint8Array(), judge)).rejects.toThrow('another')
    }
  })

  it('without the key of the link', async () => {
    const c = await person(3)
    const made = await createCommit(
      { state: stateOf(alice), cipherSuite: await suite() },
      { wireAsPublicMessage: true, extraProposals: [add(c)], ratchetTreeExtension: true },
    )
    if (made.welcome === undefined) throw new Error('no Welcome')
    const welcome = encodeMlsMessage({ version: 'mls10', wireformat: 'mls_welcome', welcome: made.welcome })
    await expect(Epoch.join(CONTEXT, c.ticket, concat(welcome), judge)).rejects.toThrow('without the key of the link')
  })

  it('to a circle with somebody who is not admitted', async () => {
    const [a, c] = [await person(1, await hostKeyOf(makeSecret())), await person(3)]
    const { welcome } = await (await Epoch.create(CONTEXT, a.ticket)).commit([c.ticket.pack], [], 0, judge)
    await expect(Epoch.join(CONTEXT, c.ticket, welcome ?? new Uint8Array(), judge)).rejects.toThrow('not admitted: forged')
  })
})

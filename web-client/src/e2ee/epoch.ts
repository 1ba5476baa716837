// One epoch of the circle: an MLS group (RFC 9420) in ciphersuite 1, and the rules of ours by which a
// commit or a Welcome is refused that MLS itself would take. Nothing here changes: each change is
// another epoch, so that what was refused leaves no trace.

import {
  type ClientConfig,
  type ClientState,
  createCommit,
  createGroup,
  decodeMlsMessage,
  defaultAuthenticationService,
  defaultKeyPackageEqualityConfig,
  defaultLifetimeConfig,
  defaultPaddingConfig,
  encodeMlsMessage,
  generateKeyPackageWithKey,
  type KeyPackage,
  type LeafNode,
  mlsExporter,
  type PreSharedKeyID,
  type PrivateKeyPackage,
  processPublicMessage,
  type Proposal,
  type PskIndex,
  type RatchetTree,
} from 'ts-mls'
import type { RoomFlags } from '../link'
import { type Credential, decodeCredential, encodeCredential, type ParticipantId } from './admission'
import { type Bytes, concat, isSame } from './bytes'
import { pskGeneration, pskId } from './link-keys'
import { Refused } from './refused'
import { MAX_LEAVES } from './sframe'
import { SUITE, suite } from './suite'
import { openWelcome } from './welcome'

/** What a room's circle is, for all its life: an extension of the group's context, never changed. */
export interface CircleContext {
  readonly room: Bytes
  readonly flags: RoomFlags
  readonly fingerprint: Bytes
}

/** One leaf of the circle's tree. */
export interface Leaf {
  readonly leaf: number
  readonly credential: Credential
  /** Ed25519. */
  readonly memberKey: Bytes
}

/** Keys and credential of this page. */
export interface Own {
  /** Seed of the member key. */
  readonly seed: Bytes
  readonly memberKey: Bytes
  readonly credential: Credential
}

/** What a page shows to be added, and the keys that belong to it. Good once. */
export interface Ticket {
  /** A whole MLS message. */
  readonly keyPackage: Bytes
  readonly pack: KeyPackage
  readonly secrets: PrivateKeyPackage
}

/** What a page checks of others. */
export interface Judge {
  /** PSK of a generation of the guest link; `null` where it is not known. */
  pskOf(generation: number): Bytes | null
  /** `null` where the credential of a leaf is believed; `joining` for those who were there before. */
  judge(leaf: Omit<Leaf, 'leaf'>, joining: boolean): Promise<string | null>
  /** What the server says: are they here? `null` while this page catches up with what it missed. */
  isPresent(participant: ParticipantId): boolean | null
}

/** Why: a commit or a Welcome names a guest link that this page does not know. */
export const UNKNOWN_LINK = 'a key of a link that is not known'

/** A change that this page made. */
export interface Made {
  readonly next: Epoch
  /** Whole MLS messages. */
  readonly commit: Bytes
  readonly welcome: Bytes | null
}

/** What became of a commit of somebody else's. */
export type Processed = { readonly next: Epoch; readonly added: readonly ParticipantId[]; readonly removed: readonly ParticipantId[] }

/** Draws what a page shows to be added. */
export async function drawTicket({ seed, memberKey, credential }: Own): Promise<Ticket> {
  const { publicPackage, privatePackage } = await generateKeyPackageWithKey(
    { credentialType: 'basic', identity: encodeCredential(credential) },
    { versions: ['mls10'], ciphersuites: [SUITE], extensions: [CONTEXT_EXTENSION], proposals: [], credentials: ['basic'] },
    // Clocks do not matter here: an admission has its own end.
    { notBefore: 0n, notAfter: 2n ** 64n - 1n },
    [],
    { signKey: seed, publicKey: memberKey },
    await suite(),
  )
  const keyPackage = encodeMlsMessage({ version: 'mls10', wireformat: 'mls_key_package', keyPackage: publicPackage })
  return { keyPackage: concat(keyPackage), pack: publicPackage, secrets: privatePackage }
}

/** Reads whom a key package is of. Throws `Refused`. */
export function readKeyPackage(bytes: Bytes): { readonly pack: KeyPackage; readonly leaf: Omit<Leaf, 'leaf'> } {
  const message = decode(bytes)
  if (message.wireformat !== 'mls_key_package') throw new Refused('no key package')
  return { pack: message.keyPackage, leaf: readLeaf(message.keyPackage.leafNode) }
}

/** One epoch. */
export class Epoch {
  /** Who is in it, by leaf. */
  readonly leaves: ReadonlyMap<number, Leaf>
  /** The whole number. */
  readonly number: number
  readonly group: Bytes
  readonly ownLeaf: number

  private constructor(
    private readonly state: ClientState,
    private readonly context: CircleContext,
    /** Who let this page in: the signer of its Welcome; `null` in any epoch but the first. */
    readonly addedBy: ParticipantId | null = null,
  ) {
    this.leaves = readTree(state.ratchetTree)
    this.number = Number(state.groupContext.epoch)
    this.group = concat(state.groupContext.groupId)
    this.ownLeaf = state.privatePath.leafIndex
  }

  /** Makes a circle of one. */
  static async create(context: CircleContext, ticket: Ticket): Promise<Epoch> {
    const group = crypto.getRandomValues(new Uint8Array(GROUP_BYTES))
    const extension = { extensionType: CONTEXT_EXTENSION, extensionData: encodeContext(context) }
    return new Epoch(await createGroup(group, ticket.pack, ticket.secrets, [extension], await suite(), CONFIG), context)
  }

  /** Comes in by a Welcome. Throws `Refused`, or what the library throws. */
  static async join(context: CircleContext, ticket: Ticket, welcome: Bytes, judge: Judge): Promise<Epoch> {
    const message = decode(welcome)
    if (message.wireformat !== 'mls_welcome') throw new Refused('no Welcome')
    const psks = new PskCount(judge)
    const { state, signer } = await openWelcome(message.welcome, ticket, psks, await suite(), CONFIG)
    // A Welcome without the link's key could be made by anybody.
    if (psks.used !== 1) throw new Refused('a Welcome without the key of the link')
    checkContext(state, context)
    const by = [...readTree(state.ratchetTree).values()].find(({ memberKey }) => isSame(memberKey, signer))
    const epoch = new Epoch(state, context, by?.credential.participant ?? null)
    checkUnique(epoch.leaves, state.ratchetTree)
    for (const leaf of epoch.leaves.values()) {
      const fault = leaf.leaf === epoch.ownLeaf ? null : await judge.judge(leaf, true)
      if (fault !== null) throw new Refused(`a member who is not admitted: ${fault}`, fault === 'clock')
    }
    return epoch
  }

  /** The base key of what everybody hears: 16 bytes (RFC 9605, 5.2). */
  async baseKey(): Promise<Bytes> {
    const { exporterSecret } = this.state.keySchedule
    return concat(await mlsExporter(exporterSecret, 'SFrame 1.0 Base Key', new Uint8Array(), 16, await suite()))
  }

  /** The leaf of a participant. */
  leafOf(participant: ParticipantId): Leaf | null {
    for (const leaf of this.leaves.values()) if (leaf.credential.participant === participant) return leaf
    return null
  }

  /** Adds and removes at once; with neither, only the keys are new. Adding also removes an earlier
   * leaf of the same participant. Throws `Refused` where others would refuse it, or what the library
   * throws. */
  async commit(add: readonly KeyPackage[], remove: readonly number[], generation: number, judge: Judge): Promise<Made> {
    const proposals: Proposal[] = [
      ...remove.map((removed): Proposal => ({ proposalType: 'remove', remove: { removed } })),
      ...add.map((keyPackage): Proposal => ({ proposalType: 'add', add: { keyPackage } })),
    ]
    if (add.length > 0) {
      const preSharedKeyId: PreSharedKeyID = {
        psktype: 'external',
        pskId: pskId(generation),
        pskNonce: crypto.getRandomValues(new Uint8Array(PSK_NONCE_BYTES)),
      }
      proposals.push({ proposalType: 'psk', psk: { preSharedKeyId } })
    }
    const wishes = sort(proposals)
    await this.check(wishes, judge)
    const made = await createCommit(
      { state: this.state, cipherSuite: await suite(), pskIndex: new PskCount(judge) },
      { wireAsPublicMessage: true, extraProposals: proposals, ratchetTreeExtension: true },
    )
    const welcome =
      made.welcome === undefined ? null : encodeMlsMessage({ version: 'mls10', wireformat: 'mls_welcome', welcome: made.welcome })
    return {
      next: this.checkedNext(made.newState, wishes),
      commit: concat(encodeMlsMessage(made.commit)),
      welcome: welcome === null ? null : concat(welcome),
    }
  }

  /** Takes a commit of somebody else's; `null` where it removed this page. Throws `Refused`, or what
   * the library throws: this epoch is as it was. */
  async process(commit: Bytes, judge: Judge): Promise<Processed | null> {
    const message = decode(commit)
    if (message.wireformat !== 'mls_public_message') throw new Refused('no commit')
    const { content } = message.publicMessage
    if (content.contentType !== 'commit') throw new Refused('no commit')
    if (content.sender.senderType !== 'member') throw new Refused('a commit by nobody of the circle')
    const wishes = sort(content.commit.proposals.map((one) => (one.proposalOrRefType === 'proposal' ? one.proposal : null)))
    await this.check(wishes, judge)
    // The library cannot follow a commit that also gives this page's leaf to somebody else.
    if (wishes.remove.includes(this.ownLeaf)) return null
    const psks = new PskCount(judge)
    const { newState } = await processPublicMessage(this.state, message.publicMessage, psks, await suite())
    return {
      next: this.checkedNext(newState, wishes),
      added: wishes.add.map(({ leaf }) => leaf.credential.participant),
      removed: wishes.remove.flatMap((leaf) => this.leaves.get(leaf)?.credential.participant ?? []),
    }
  }

  /** What a commit may do. */
  private async check({ add, remove, psks }: Wishes, judge: Judge): Promise<void> {
    const [psk] = psks
    if (add.length === 0 ? psks.length > 0 : psks.length !== 1) throw new Refused('not exactly one key of the link')
    if (psk !== undefined) {
      if (psk.psktype !== 'external' || pskGeneration(psk.pskId) === null) throw new Refused('a key that is not the link’s')
    }
    const added = new Set<ParticipantId>()
    for (const { leaf } of add) {
      const { participant } = leaf.credential
      if (added.has(participant)) throw new Refused('somebody added twice')
      added.add(participant)
      const earlier = this.leafOf(participant)
      if (earlier !== null && !remove.includes(earlier.leaf)) throw new Refused('somebody added who is there')
      if (judge.isPresent(participant) === false) throw new Refused('somebody added who is not present')
      const fault = await judge.judge(leaf, false)
      if (fault !== null) throw new Refused(`somebody added who is not admitted: ${fault}`, fault === 'clock')
    }
    for (const removed of remove) {
      const participant = this.leaves.get(removed)?.credential.participant
      if (participant === undefined) throw new Refused('nobody removed')
      // Whoever is removed can see nothing more, and is told so by having no circle.
      if (removed === this.ownLeaf) continue
      if (judge.isPresent(participant) === true && !added.has(participant)) throw new Refused('somebody removed who is present')
    }
  }

  /** The epoch after this one, if it is as these wishes make it. */
  private checkedNext(state: ClientState, wishes: Wishes): Epoch {
    checkContext(state, this.context)
    const next = new Epoch(state, this.context)
    checkUnique(next.leaves, state.ratchetTree)
    this.checkKept(next, wishes)
    return next
  }

  /** Nobody became somebody else, and nobody came or went beside what was proposed. */
  private checkKept(next: Epoch, { add, remove }: Wishes): void {
    const added = new Set(add.map(({ leaf }) => leaf.credential.participant))
    for (const [number, now] of next.leaves) {
      const before = remove.includes(number) ? undefined : this.leaves.get(number)
      if (before === undefined) {
        if (!added.delete(now.credential.participant)) throw new Refused('a leaf from nowhere')
      } else if (!isSameMember(before, now)) throw new Refused('a leaf became another one')
    }
    const kept = [...this.leaves.keys()].filter((number) => !remove.includes(number))
    if (added.size > 0 || kept.some((number) => !next.leaves.has(number))) throw new Refused('a leaf is gone')
  }
}

interface Wishes {
  readonly add: readonly { readonly leaf: Omit<Leaf, 'leaf'> }[]
  readonly remove: readonly number[]
  readonly psks: readonly PreSharedKeyID[]
}

/** Only what this circle does: everything else is refused. */
function sort(proposals: readonly (Proposal | null)[]): Wishes {
  const add: { leaf: Omit<Leaf, 'leaf'> }[] = []
  const remove: number[] = []
  const psks: PreSharedKeyID[] = []
  for (const proposal of proposals) {
    if (proposal === null) throw new Refused('a proposal by reference')
    if (isAdd(proposal)) {
      const { leafNode } = proposal.add.keyPackage
      if (!leafNode.capabilities.extensions.includes(CONTEXT_EXTENSION)) throw new Refused('a member who knows no room')
      add.push({ leaf: readLeaf(leafNode) })
    } else if (isRemove(proposal)) remove.push(proposal.remove.removed)
    else if (isPsk(proposal)) psks.push(proposal.psk.preSharedKeyId)
    else throw new Refused(`a proposal of type ${proposal.proposalType}`)
  }
  return { add, remove, psks }
}

function isAdd(proposal: Proposal): proposal is Extract<Proposal, { proposalType: 'add' }> {
  return proposal.proposalType === 'add'
}

function isRemove(proposal: Proposal): proposal is Extract<Proposal, { proposalType: 'remove' }> {
  return proposal.proposalType === 'remove'
}

function isPsk(proposal: Proposal): proposal is Extract<Proposal, { proposalType: 'psk' }> {
  return proposal.proposalType === 'psk'
}

/** Finds PSKs of the link, and of nothing else; counts how many were asked for. */
class PskCount implements PskIndex {
  used = 0

  constructor(private readonly judge: Judge) {}

  findPsk(id: PreSharedKeyID): Uint8Array | undefined {
    const generation = id.psktype === 'external' ? pskGeneration(id.pskId) : null
    const psk = generation === null ? null : this.judge.pskOf(generation)
    if (psk === null) throw new Refused(UNKNOWN_LINK)
    this.used += 1
    return psk
  }
}

/** The bytes of the context extension. */
export function encodeContext({ room, flags, fingerprint }: CircleContext): Bytes {
  return concat(Uint8Array.of(1), room, Uint8Array.of((flags.open ? 1 : 0) | (flags.raw ? 2 : 0)), fingerprint)
}

function checkContext({ groupContext }: ClientState, context: CircleContext): void {
  const [extension] = groupContext.extensions
  const isOurs =
    groupContext.extensions.length === 1 &&
    extension?.extensionType === CONTEXT_EXTENSION &&
    isSame(extension.extensionData, encodeContext(context))
  if (!isOurs) throw new Refused('a circle of another room or another kind')
  if (groupContext.groupId.length !== GROUP_BYTES) throw new Refused('a circle without a name of ours')
}

function readTree(tree: RatchetTree): ReadonlyMap<number, Leaf> {
  const leaves = new Map<number, Leaf>()
  for (const [index, node] of tree.entries()) {
    if (node?.nodeType === 'leaf') leaves.set(index / 2, { leaf: index / 2, ...readLeaf(node.leaf) })
  }
  return leaves
}

function readLeaf({ credential, signaturePublicKey }: LeafNode): Omit<Leaf, 'leaf'> {
  const read = credential.credentialType === 'basic' ? decodeCredential(credential.identity) : null
  if (read === null) throw new Refused('a leaf without a credential of ours')
  return { credential: read, memberKey: concat(signaturePublicKey) }
}

/** One leaf a participant, and one a key: the library looks at neither for those who are added. */
function checkUnique(leaves: ReadonlyMap<number, Leaf>, tree: RatchetTree): void {
  if (tree.length > 2 * MAX_LEAVES) throw new Refused('too many leaves')
  const all = [...leaves.values()]
  const participants = new Set(all.map(({ credential }) => credential.participant))
  const memberKeys = new Set(all.map(({ memberKey }) => memberKey.join()))
  const hpkeKeys = tree.flatMap((node) => {
    if (node === undefined) return []
    return [(node.nodeType === 'leaf' ? node.leaf.hpkePublicKey : node.parent.hpkePublicKey).join()]
  })
  const isUnique =
    participants.size === all.length && memberKeys.size === all.length && new Set(hpkeKeys).size === hpkeKeys.length
  if (!isUnique) throw new Refused('two leaves of one')
}

function isSameMember(a: Leaf, b: Leaf): boolean {
  return isSame(a.memberKey, b.memberKey) && isSame(encodeCredential(a.credential), encodeCredential(b.credential))
}

function decode(bytes: Bytes) {
  const [message, length] = decodeMlsMessage(bytes, 0) ?? []
  if (message === undefined || length !== bytes.length) throw new Refused('no message of MLS')
  return message
}

/** Of the range for private use (RFC 9420, 17.3). */
const CONTEXT_EXTENSION = 0xf0a1
const GROUP_BYTES = 16
/** As long as the hash, which other implementations insist on. */
const PSK_NONCE_BYTES = 32
const CONFIG: ClientConfig = {
  // It does not know whether somebody comes or was there before; `Judge` does.
  authService: defaultAuthenticationService,
  keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
  lifetimeConfig: defaultLifetimeConfig,
  paddingConfig: defaultPaddingConfig,
  // Nothing is said in messages of MLS itself, so none of an earlier epoch is ever opened.
  keyRetentionConfig: { retainKeysForEpochs: 1, retainKeysForGenerations: 1, maximumForwardRatchetSteps: 1 },
}

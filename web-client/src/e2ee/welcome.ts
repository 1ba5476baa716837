// Comes into a circle by a Welcome (RFC 9420, 12.4.3.1), with the parts of the library. The library's own way
// in asks that all ancestors of an unmerged leaf list the very same leaves. Sound trees need not: once others
// than the first had changed keys, whoever came would be refused.

import type { CiphersuiteImpl, ClientConfig, ClientState, PskIndex, Welcome } from 'ts-mls'
import { extensionsSupportedByCapabilities } from 'ts-mls/extension.js'
import { type GroupInfo, ratchetTreeFromExtension, verifyGroupInfoConfirmationTag, verifyGroupInfoSignature } from 'ts-mls/groupInfo.js'
import { makeKeyPackageRef } from 'ts-mls/keyPackage.js'
import { deriveKeySchedule } from 'ts-mls/keySchedule.js'
import { verifyLeafNodeSignature } from 'ts-mls/leafNode.js'
import { verifyParentHashes } from 'ts-mls/parentHash.js'
import { pathToRoot } from 'ts-mls/pathSecrets.js'
import { mergePrivateKeyPaths, toPrivateKeyPath } from 'ts-mls/privateKeyPath.js'
import { accumulatePskSecret } from 'ts-mls/pskIndex.js'
import { findLeafIndex, type RatchetTree } from 'ts-mls/ratchetTree.js'
import { createSecretTree } from 'ts-mls/secretTree.js'
import { treeHashRoot } from 'ts-mls/treeHash.js'
import { directPath, leafToNodeIndex, leafWidth, toLeafIndex } from 'ts-mls/treemath.js'
import { firstCommonAncestor } from 'ts-mls/updatePath.js'
import { decryptGroupInfo, decryptGroupSecrets } from 'ts-mls/welcome.js'
import { type Bytes, concat, isSame } from './bytes'
import type { Ticket } from './epoch'
import { Refused } from './refused'

/** What a Welcome opened to. */
export interface Welcomed {
  readonly state: ClientState
  /** Member key of whoever signed it. */
  readonly signer: Bytes
}

/** Opens a Welcome; who the members are is for the caller to check, and that no two are one. Throws
 * `Refused`, or what the library throws. */
export async function openWelcome(welcome: Welcome, { pack, secrets }: Ticket, psks: PskIndex, suite: CiphersuiteImpl, clientConfig: ClientConfig): Promise<Welcomed> {
  const initKey = await suite.hpke.importPrivateKey(secrets.initPrivateKey)
  const group = await decryptGroupSecrets(initKey, await makeKeyPackageRef(pack, suite.hash), welcome, suite.hpke)
  if (group === undefined) throw new Refused('a Welcome for somebody else')
  const [pskSecret] = await accumulatePskSecret(group.psks, psks, suite, new Uint8Array(suite.kdf.size))
  const info = await decryptGroupInfo(welcome, group.joinerSecret, pskSecret, suite)
  const tree = info === undefined ? undefined : ratchetTreeFromExtension(info)
  if (info === undefined || tree === undefined) throw new Refused('a Welcome without a tree')
  const { groupContext, signer, confirmationTag } = info
  if (groupContext.cipherSuite !== pack.cipherSuite) throw new Refused('a circle in another ciphersuite')
  if (!extensionsSupportedByCapabilities(groupContext.extensions, pack.leafNode.capabilities)) throw new Refused('a circle that asks for more')
  const signed = tree[leafToNodeIndex(toLeafIndex(signer))]
  const signerKey = signed?.nodeType === 'leaf' ? signed.leaf.signaturePublicKey : null
  if (signerKey === null || !(await verifyGroupInfoSignature(info, signerKey, suite.signature))) throw new Refused('a Welcome of no member')
  await checkTree(tree, info, suite)
  const leaf = findLeafIndex(tree, pack.leafNode)
  if (leaf === undefined) throw new Refused('a Welcome to a circle without this page')
  const own = { leafIndex: leaf, privateKeys: { [leafToNodeIndex(leaf)]: secrets.hpkePrivateKey } }
  const { pathSecret } = group
  const above = firstCommonAncestor(tree, leaf, toLeafIndex(signer))
  const privatePath =
    pathSecret === undefined ? own : mergePrivateKeyPaths(await toPrivateKeyPath(await pathToRoot(tree, above, pathSecret, suite.kdf), leaf, suite), own)
  const [keySchedule, encryptionSecret] = await deriveKeySchedule(group.joinerSecret, pskSecret, groupContext, suite.kdf)
  if (!(await verifyGroupInfoConfirmationTag(info, group.joinerSecret, pskSecret, suite))) throw new Refused('a Welcome that confirms nothing')
  return {
    signer: concat(signerKey),
    state: {
      groupContext,
      ratchetTree: tree,
      privatePath,
      signaturePrivateKey: secrets.signaturePrivateKey,
      confirmationTag,
      unappliedProposals: {},
      keySchedule,
      secretTree: await createSecretTree(leafWidth(tree.length), encryptionSecret, suite.kdf),
      historicalReceiverData: new Map(),
      groupActiveState: { kind: 'active' },
      clientConfig,
    },
  }
}

/** The tree is the one that was signed, each of its leaves is signed by its member, and each parent follows
 * from a leaf below it. */
async function checkTree(tree: RatchetTree, { groupContext }: GroupInfo, { hash, signature }: CiphersuiteImpl): Promise<void> {
  for (const [index, node] of tree.entries()) {
    if (node === undefined) continue
    if ((node.nodeType === 'leaf') !== (index % 2 === 0)) throw new Refused('no tree')
    if (node.nodeType === 'leaf') {
      if (!(await verifyLeafNodeSignature(node.leaf, groupContext.groupId, index / 2, signature))) throw new Refused('a leaf that is not signed')
    } else if (!node.parent.unmergedLeaves.every((leaf) => isUnmerged(tree, leaf, index))) throw new Refused('an unmerged leaf that is none')
  }
  if (!(await verifyParentHashes(tree, hash))) throw new Refused('a tree that nobody made')
  if (!isSame(groupContext.treeHash, await treeHashRoot(tree, hash))) throw new Refused('another tree')
}

/** True where a leaf is below a parent, and every parent between them lists it too. */
function isUnmerged(tree: RatchetTree, leaf: number, parent: number): boolean {
  const own = leafToNodeIndex(toLeafIndex(leaf))
  const path: number[] = directPath(own, leafWidth(tree.length))
  const height = path.indexOf(parent)
  if (height < 0 || tree[own]?.nodeType !== 'leaf') return false
  return path.slice(0, height).every((between) => {
    const node = tree[between]
    return node?.nodeType !== 'parent' || node.parent.unmergedLeaves.includes(leaf)
  })
}

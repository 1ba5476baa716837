// Members of circles as the page makes them, asked over standard input and output: one line of JSON
// each. The page's own modules are loaded; nothing of them is written again here, except what a
// member does who keeps to no rule.

import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Attendant } from './attendant.mjs'

const web = fileURLToPath(new URL('../../../web-client/', import.meta.url))
const require = createRequire(new URL('../../../web-client/package.json', import.meta.url))
const { createServer } = await import(pathToFileURL(require.resolve('vite')).href)
const loader = await createServer({
  root: web,
  configFile: false,
  appType: 'custom',
  logLevel: 'error',
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
})
const load = (name) => loader.ssrLoadModule(`/src/${name}.ts`)
const { fromBase64Url, toBase64Url } = await load('link')
const { checkAdmission, decodeAdmission } = await load('e2ee/admission')
const { deriveLobbyMacKey, derivePsk, pskId } = await load('e2ee/link-keys')
const { drawTicket, Epoch, readKeyPackage } = await load('e2ee/epoch')
const { Circle } = await load('e2ee/circle')
const { clearPrefix } = await load('e2ee/codec')
const { decodeHeader, decodeKeyId, encodeKeyId, FrameKey, narrowBaseKey, open, seal } = await load('e2ee/sframe')
const { decodeJson, encodeJson, readMessage, readSealedWords } = await load('e2ee/messages')
const { openRoot, pairOf, sealRoot } = await load('e2ee/narrow')
const { openWords, sealWords } = await load('e2ee/words')
const { signingKeyOf } = await load('signing-key')
const mls = await import(pathToFileURL(require.resolve('ts-mls')).href)

const members = new Map()

/** What a page holds to, by what its link says. */
async function member({ id, seed, room, participant, audiencePrivateKey, admission, flags, fingerprint, hostKey, secrets, now }) {
  const [seedBytes, roomBytes] = [fromBase64Url(seed), fromBase64Url(room)]
  const memberKey = (await signingKeyOf(seedBytes)).publicKey
  const audience = await pairOf(fromBase64Url(audiencePrivateKey))
  const credential = {
    participant,
    room: roomBytes,
    audienceKey: audience.publicKey,
    admission: decodeAdmission(fromBase64Url(admission)),
  }
  const keys = new Map()
  for (const [generation, secret] of Object.entries(secrets)) {
    const bytes = fromBase64Url(secret)
    keys.set(Number(generation), { psk: await derivePsk(bytes, room), mac: await deriveLobbyMacKey(bytes, room) })
  }
  const trust = {
    room: roomBytes,
    hostKey: fromBase64Url(hostKey),
    open: flags.open,
    macKeyOf: (generation) => keys.get(generation)?.mac ?? null,
  }
  const gone = new Set()
  const judge = {
    pskOf: (generation) => keys.get(generation)?.psk ?? null,
    judge: ({ credential: other, memberKey: key }, joining) => {
      const candidate = { room: other.room, participant: other.participant, memberKey: key }
      return checkAdmission(trust, candidate, other.admission, now, joining)
    },
    isPresent: (other) => !gone.has(other),
  }
  const context = { room: roomBytes, flags, fingerprint: fromBase64Url(fingerprint) }
  const own = { seed: seedBytes, memberKey, credential }
  members.set(id, { own, audience, judge, gone, context, ticket: null, epoch: null, made: null, counters: new Map() })
  return { memberKey: toBase64Url(memberKey), audienceKey: toBase64Url(audience.publicKey) }
}

async function where({ epoch }) {
  return {
    group: toBase64Url(epoch.group),
    epoch: epoch.number,
    leaf: epoch.ownLeaf,
    baseKey: toBase64Url(await epoch.baseKey()),
    leaves: [...epoch.leaves.values()].map(({ leaf, credential }) => [leaf, credential.participant]),
  }
}

/** Audience keys by participant. */
function keysOf(recipients) {
  return new Map(recipients.map(([participant, key]) => [participant, fromBase64Url(key)]))
}

const OPERATIONS = {
  member,
  async ticket(_, one) {
    one.ticket = await drawTicket(one.own)
    return { keyPackage: toBase64Url(one.ticket.keyPackage) }
  },
  async create(_, one) {
    one.epoch = await Epoch.create(one.context, await drawTicket(one.own))
    return where(one)
  },
  async join({ welcome }, one) {
    one.epoch = await Epoch.join(one.context, one.ticket, fromBase64Url(welcome), one.judge)
    return where(one)
  },
  async commit({ add, remove, generation }, one) {
    const packs = add.map((keyPackage) => readKeyPackage(fromBase64Url(keyPackage)).pack)
    one.made = await one.epoch.commit(packs, remove, generation, one.judge)
    const { commit, welcome } = one.made
    return { commit: toBase64Url(commit), welcome: welcome === null ? null : toBase64Url(welcome) }
  },
  /** The server took the commit. */
  async merge(_, one) {
    one.epoch = one.made.next
    return where(one)
  },
  async process({ commit }, one) {
    const processed = await one.epoch.process(fromBase64Url(commit), one.judge)
    if (processed === null) return { removed: true }
    one.epoch = processed.next
    return { ...(await where(one)), changed: { added: processed.added, removed: processed.removed } }
  },
  async where(_, one) {
    return where(one)
  },
  /** Attends a room: `enter`, `hear`, `wake` and `answer` are asked from then on. */
  async attend(_, one) {
    one.attendant = new Attendant(Circle, one, (epoch) => where({ epoch }))
    return {}
  },
  enter: (asked, one) => one.attendant.enter(asked),
  hear: (asked, one) => one.attendant.hear(asked),
  wake: (asked, one) => one.attendant.wake(asked),
  answer: (asked, one) => one.attendant.answer(asked),
  async gone({ participants }, one) {
    one.gone.clear()
    for (const participant of participants) one.gone.add(participant)
    return {}
  },
  async seal({ source, level, mimeType, plain, root }, one) {
    const kid = encodeKeyId({ source, level, leaf: one.epoch.ownLeaf, epoch: one.epoch.number })
    const baseKey = await one.epoch.baseKey()
    const key = await FrameKey.derive(level === 0 ? baseKey : await narrowBaseKey(baseKey, fromBase64Url(root)), kid, 'encrypt')
    const counter = one.counters.get(kid) ?? 0
    one.counters.set(kid, counter + 1)
    const frame = fromBase64Url(plain)
    const prefix = mimeType === null ? 0 : clearPrefix(mimeType, one.context.flags.raw, frame)
    return { sealed: toBase64Url(await seal(key, kid, counter, frame.slice(prefix), frame.slice(0, prefix))) }
  },
  async open({ mimeType, sealed, root }, one) {
    const frame = fromBase64Url(sealed)
    const prefix = mimeType === null ? 0 : clearPrefix(mimeType, one.context.flags.raw, frame)
    const header = decodeHeader(frame, prefix)
    const { level, leaf, source, epoch } = decodeKeyId(header.kid)
    const baseKey = await one.epoch.baseKey()
    const key = await FrameKey.derive(level === 0 ? baseKey : await narrowBaseKey(baseKey, fromBase64Url(root)), header.kid, 'decrypt')
    return { plain: toBase64Url(await open(key, frame, header, prefix)), leaf, source, epoch }
  },
  async encode({ message }) {
    return { plain: toBase64Url(encodeJson(message)) }
  },
  async decode({ plain }) {
    return { message: decodeJson(fromBase64Url(plain)) }
  },
  async sealWords({ to, message, recipients }, one) {
    const words = await sealWords(one.own.credential.participant, to, message, keysOf(recipients))
    return { plain: toBase64Url(encodeJson(words)) }
  },
  async openWords({ sender, plain }, one) {
    const words = readSealedWords(decodeJson(fromBase64Url(plain)))
    if (words === null) return { to: null, message: null }
    return { to: words.to, message: await openWords(one.audience, one.own.credential.participant, sender, words) }
  },
  async handOut({ level, root, recipients }) {
    const keys = []
    for (const [participant, key] of keysOf(recipients)) keys.push({ participant, ...(await sealRoot(key, level, fromBase64Url(root))) })
    return { plain: toBase64Url(encodeJson({ t: 'narrow', level, keys })) }
  },
  async takeRoot({ plain }, one) {
    const { level, keys } = readMessage(decodeJson(fromBase64Url(plain)))
    const own = keys.find(({ participant }) => participant === one.own.credential.participant)
    const root = own === undefined ? null : await openRoot(one.audience, level, own.enc, own.ct)
    return { level, root: root === null ? null : toBase64Url(root) }
  },
  /** A commit that keeps to no rule of ours. */
  async rogue({ add, remove, generations, context }, one) {
    const proposals = [
      ...remove.map((removed) => ({ proposalType: 'remove', remove: { removed } })),
      ...add.map((keyPackage) => ({ proposalType: 'add', add: { keyPackage: readKeyPackage(fromBase64Url(keyPackage)).pack } })),
      ...generations.map((generation) => ({
        proposalType: 'psk',
        psk: { preSharedKeyId: { psktype: 'external', pskId: pskId(generation), pskNonce: crypto.getRandomValues(new Uint8Array(32)) } },
      })),
    ]
    if (context) proposals.push({ proposalType: 'group_context_extensions', groupContextExtensions: { extensions: [] } })
    const cipherSuite = await mls.getCiphersuiteImpl(mls.getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'))
    const pskIndex = { findPsk: () => one.judge.pskOf(generations[0]) ?? undefined }
    const made = await mls.createCommit(
      { state: one.epoch.state, cipherSuite, pskIndex },
      { wireAsPublicMessage: true, extraProposals: proposals, ratchetTreeExtension: true },
    )
    const welcome = made.welcome && mls.encodeMlsMessage({ version: 'mls10', wireformat: 'mls_welcome', welcome: made.welcome })
    return {
      commit: toBase64Url(mls.encodeMlsMessage(made.commit)),
      welcome: welcome ? toBase64Url(welcome) : null,
    }
  },
  /** What somebody gets out of the library who was removed and goes on all the same. */
  async derive({ commit }, one) {
    const cipherSuite = await mls.getCiphersuiteImpl(mls.getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'))
    const [message] = mls.decodeMlsMessage(fromBase64Url(commit), 0)
    const { newState } = await mls.processPublicMessage(one.epoch.state, message.publicMessage, mls.emptyPskIndex, cipherSuite)
    const key = await mls.mlsExporter(newState.keySchedule.exporterSecret, 'SFrame 1.0 Base Key', new Uint8Array(), 16, cipherSuite)
    return { baseKey: toBase64Url(key) }
  },
}

console.log(JSON.stringify({ ready: true }))
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line)
  let answer
  try {
    answer = await OPERATIONS[asked.op](asked, members.get(asked.id))
  } catch (error) {
    answer = { refused: String(error instanceof Error ? `${error.constructor.name}: ${error.message}` : error) }
  }
  console.log(JSON.stringify(answer))
}
await loader.close()

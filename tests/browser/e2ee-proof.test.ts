// That the server cannot listen: while a class is going on, all of the server's memory is searched for
// every key that the pages use and every word that people say.

import assert from 'node:assert/strict'
import { turnCameraOn, turnMicrophoneOn } from './rig/call.ts'
import { Crowd } from './rig/crowd.ts'
import { come, enter, localOf, openClass, openRoom, untilEncrypted } from './rig/encrypted.ts'
import { untilReceives } from './rig/media.ts'
import { inMemory } from './rig/memory.ts'
import type { TestPage } from './rig/page.ts'
import { rule } from './rig/rule.ts'
import { until } from './rig/until.ts'

/** For `PageOptions.before`: keeps every secret key that the page's own cryptography takes up: of
 * frames, of the circle's epochs, of the link. Public keys are none of these kinds. Some go to
 * WebCrypto; those of hashes and derivations are laid alone into an empty block of SHA-256. */
const KEEP_KEYS = `(() => {
  const keys = (globalThis.__keys = new Set())
  const keep = (bytes) => {
    if (bytes.length < 16 || bytes.length > 64 || bytes.every((byte) => byte === 0)) return
    keys.add(Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''))
  }
  const importKey = SubtleCrypto.prototype.importKey
  SubtleCrypto.prototype.importKey = function (format, data, algorithm, ...rest) {
    const kind = typeof algorithm === 'string' ? algorithm : algorithm.name
    if (format === 'raw' && ['AES-GCM', 'HMAC', 'HKDF'].includes(kind)) {
      keep(ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data))
    }
    return importKey.call(this, format, data, algorithm, ...rest)
  }
  const set = Uint8Array.prototype.set
  Uint8Array.prototype.set = function (source, ...at) {
    if (at.length === 0 && this.byteLength === 64 && source instanceof Uint8Array) keep(source)
    return set.call(this, source, ...at)
  }
})()`

/** For the worker that encrypts: keeps the latest pictures that it seals, as they were and as they went out. */
const KEEP_FRAMES = `(() => {
  const frames = (globalThis.__frames = [])
  const native = SubtleCrypto.prototype.encrypt
  SubtleCrypto.prototype.encrypt = async function (algorithm, key, data) {
    const plain = new Uint8Array(data).slice()
    const sealed = await native.call(this, algorithm, key, data)
    if (plain.length >= 400) frames.push({ plain, sealed: new Uint8Array(sealed) })
    if (frames.length > 24) frames.shift()
    return sealed
  }
})()`

/** Sixteen bytes of each kept frame, in hexadecimal: within its first packet, behind what a codec leaves in clear. */
const WINDOWS = `(() => {
  const hex = (bytes) => [...bytes.slice(200, 216)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return __frames.map(({ plain, sealed }) => ({ plain: hex(plain), sealed: hex(sealed) }))
})()`

/** What the pages say and are called, and what the server may not hold of it. */
const NAME = 'Mme Secrète'
const PUPIL = 'Zwnuptiquet'
const LINE = 'quorvaxolite du lundi'

/** Of two voices and two cameras in five seconds; a busy machine makes fewer. */
const LEAST_OPENED = 150

/** Fewer would mean that the keys were not seen. An epoch alone has a dozen, and two are gone through. */
const LEAST_KEYS = 24

rule(
  'r28_no_key_and_no_word_of_an_encrypted_class_is_in_the_memory_of_the_server',
  async (ground) => {
    const { server, teacher, guest, talk } = await openClass(ground, { before: KEEP_KEYS })
    const pupil = await enter(ground, server, teacher, guest, 'chromium', PUPIL)
    await untilEncrypted([teacher, pupil], 2)
    for (const page of [teacher, pupil]) {
      await turnMicrophoneOn(page)
      await turnCameraOn(page)
    }
    await untilReceives(pupil, teacher, 'camera')
    await untilReceives(teacher, pupil, 'microphone')
    await write(teacher, LINE)
    await pupil.click('chat')
    await until('the pupil reads it', async () => (await pupil.text('chat-log')).includes(LINE), 15_000, () => pupil.bodyText())

    const keys = await teacher.evaluate<string[]>('[...__keys]')
    const secret = Buffer.from(new URL(guest).hash.split('.')[1] ?? '', 'base64url').toString('hex')
    assert.ok(keys.length >= LEAST_KEYS, `${keys.length} keys were seen`)
    assert.ok(keys.includes(secret), 'the secret of the link is among what was seen')
    const wanted = new Map(keys.map((key) => [`key ${key.slice(0, 8)}`, Buffer.from(key, 'hex')]))
    for (const word of [NAME, PUPIL, LINE, new URL(guest).hash.split('.')[1] ?? '']) wanted.set(word, Buffer.from(word))
    // What it must hold, so that the search is seen to find: the latest commit, which it keeps.
    const commits = talk.filter((text) => text.includes('"type":"mls_commit"')).map((text) => (JSON.parse(text) as { commit: string }).commit)
    const latest = commits.at(-1) ?? ''
    assert.ok(latest.length > 100, 'a commit was said')
    wanted.set('the latest commit', Buffer.from(latest))
    assert.deepEqual(inMemory(server.pid, wanted), ['the latest commit'])
  },
  { order: 'beside', deadlineMs: 180_000 },
)

rule(
  'r28_pictures_pass_the_server_as_they_were_sealed_and_whoever_has_the_link_opens_all_of_them',
  async (ground) => {
    const { server, teacher, guest } = await openRoom(ground, 'reunion')
    const other = await come(ground, server, guest, PUPIL, 'firefox')
    await untilEncrypted([teacher, other], 2)
    for (const page of [teacher, other]) {
      await turnMicrophoneOn(page)
      await turnCameraOn(page)
    }
    await untilReceives(other, teacher, 'camera')
    const worker = teacher.raw.workers().find((one) => one.url().includes('frames-worker'))
    if (worker === undefined) throw new Error('no worker encrypts')
    await worker.evaluate(KEEP_FRAMES)
    // Somebody who shares no code with the pages, and has the link: all that the server forwards opens.
    const { opened, undecryptable, in_clear } = await Crowd.open(ground, localOf(server, guest), { count: 1, voices: 2, cameras: 2 }, 5)
    assert.ok(opened > LEAST_OPENED, `${opened} frames were opened`)
    assert.deepEqual({ undecryptable, in_clear }, { undecryptable: 0, in_clear: 0 })

    // What it forwards stands there for a while, to be sent again.
    await until('the server holds what was sealed', async () => {
      const kept = (await worker.evaluate(WINDOWS)) as { plain: string; sealed: string }[]
      const wanted = new Map(kept.flatMap(({ plain, sealed }) => [[`plain ${plain}`, Buffer.from(plain, 'hex')], [`sealed ${sealed}`, Buffer.from(sealed, 'hex')]] as const))
      const found = inMemory(server.pid, wanted)
      assert.deepEqual(found.filter((name) => name.startsWith('plain')), [])
      return found.length > 0
    })
  },
  { deadlineMs: 150_000 },
)

rule(
  'r32_a_council_is_encrypted_lets_people_in_one_by_one_and_is_never_recorded',
  async (ground) => {
    const { server, teacher, guest } = await openRoom(ground, 'sensible')
    assert.match(new URL(guest).hash, /^#v1e\.[\w-]{22}\.[\w-]{22}$/, 'a moderator signs for everybody')
    // By the lobby.
    const member = await enter(ground, server, teacher, guest, 'firefox', PUPIL)
    await untilEncrypted([teacher, member], 2)
    await teacher.click('more')
    await teacher.click('record-start')
    await teacher.untilAttribute('record-obstacle', 'data-obstacle', 'profile')
  },
  { deadlineMs: 120_000 },
)

async function write(page: TestPage, text: string): Promise<void> {
  await page.click('chat')
  await page.fill('chat-input', text)
  await page.raw.keyboard.press('Enter')
}

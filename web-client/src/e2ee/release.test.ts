import { Decrypter, generateIdentity, identityToRecipient } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import { fromBase64Url } from '../link'
import { MAX_RECIPIENTS, MAX_RELEASE_BYTES } from '../protocol/generated'
import type { OwnKeys } from './own-keys'
import { parseRelease, releaseOf, sealRelease } from './release'
import { decodeHeader, decodeKeyId, encodeKeyId, FrameKey, type Level, narrowBaseKey, open, seal, type Source } from './sframe'

const RECORDING = 'AAAAAAAAAAAAAAAAAAAAAA'
const PERSON = 'CCCCCCCCCCA'
const WHO = { participant: PERSON, name: 'Zoé' }
const PLAIN = new TextEncoder().encode('a frame')
const OWN: OwnKeys = { epoch: 300, leaf: 7, baseKey: new Uint8Array(16).fill(5) }
/** Of what some alone hear. */
const ROOT = new Uint8Array(16).fill(6)

/** A frame as its sender seals it. */
async function frame(source: Source, level: Level, leaf: number, epoch: number) {
  const kid = encodeKeyId({ source, level, leaf, epoch })
  const base = level === 0 ? OWN.baseKey : await narrowBaseKey(OWN.baseKey, ROOT)
  return { kid, sealed: await seal(await FrameKey.derive(base, kid, 'encrypt'), kid, 40, PLAIN) }
}

describe('a release', () => {
  it('holds the keys of the own frames that are for everybody, and of nothing else', async () => {
    const release = await releaseOf(RECORDING, WHO, OWN)
    expect(release).toMatchObject({ recording: RECORDING, ...WHO, epoch: 300 })
    const said = release.keys.map(({ kid }) => decodeKeyId(kid))
    expect(said).toHaveLength(4)
    for (const id of said) expect(id).toMatchObject({ level: 0, leaf: 7, epoch: 300 % 256 })
    expect(said.map((id) => id?.source)).not.toContain('data')

    const opened = async ({ kid, sealed }: { kid: number; sealed: Uint8Array<ArrayBuffer> }) => {
      const header = decodeHeader(sealed)
      if (header === null) throw new Error('no header')
      const results = await Promise.allSettled(
        release.keys.map(async (released) => {
          const plain = await open(await FrameKey.of(released, 'decrypt'), sealed, header)
          return { plain, kid: released.kid }
        }),
      )
      const good = results.filter((one) => one.status === 'fulfilled').map(({ value }) => value)
      expect(good.every((one) => one.kid === kid)).toBe(true)
      return good.map(({ plain }) => new TextDecoder().decode(plain))
    }
    for (const source of ['microphone', 'camera', 'screen', 'screen_audio'] as const) {
      expect(await opened(await frame(source, 0, 7, 300))).toEqual(['a frame'])
      // Somebody else's, and one's own of another epoch, or for moderators or a group alone.
      for (const [level, leaf, epoch] of [[0, 6, 300], [0, 7, 299], [0, 7, 301], [1, 7, 300], [2, 7, 300]] as const) {
        expect(await opened(await frame(source, level, leaf, epoch)), `${source} ${level} ${leaf} ${epoch}`).toEqual([])
      }
    }
    expect(await opened(await frame('data', 0, 7, 300))).toEqual([])
  })

  it('opens for every recipient and for nobody else, and never says the base key', async () => {
    const identities = await Promise.all([generateIdentity(), generateIdentity()])
    const recipients = await Promise.all(identities.map((identity) => identityToRecipient(identity)))
    const release = await releaseOf(RECORDING, WHO, OWN)
    const sealed = fromBase64Url(await sealRelease(release, recipients)) ?? new Uint8Array()
    for (const identity of identities) {
      const decrypter = new Decrypter()
      decrypter.addIdentity(identity)
      const text = await decrypter.decrypt(sealed, 'text')
      expect(parseRelease(text)).toEqual(release)
      expect(text).not.toContain('BQUFBQUFBQU')
    }
    const stranger = new Decrypter()
    stranger.addIdentity(await generateIdentity())
    await expect(stranger.decrypt(sealed)).rejects.toThrow()
    await expect(sealRelease(release, ['age1none'])).rejects.toThrow()
  })

  it('with everything in it, for the most recipients, is within its bound', async () => {
    const release = await releaseOf(RECORDING, WHO, { ...OWN, epoch: 2 ** 40, leaf: 4095 })
    const recipient = await identityToRecipient(await generateIdentity())
    const sealed = await sealRelease(release, Array<string>(MAX_RECIPIENTS + 1).fill(recipient))
    expect(sealed.length).toBeLessThan(MAX_RELEASE_BYTES)
  })

  it('is refused when it is none', async () => {
    const release = await releaseOf(RECORDING, WHO, OWN)
    const key = { kid: release.keys[0]?.kid, key: 'AAAAAAAAAAAAAAAAAAAAAA', salt: 'AAAAAAAAAAAAAAAA' }
    const good = { v: 1, recording: RECORDING, ...WHO, epoch: 1, keys: [key] }
    expect(parseRelease(JSON.stringify(good))?.keys).toHaveLength(1)
    for (const change of [
      { v: 2 },
      { recording: 1 },
      { participant: null },
      { name: null },
      { name: 'x'.repeat(81) },
      { epoch: '1' },
      { epoch: 1.5 },
      { keys: null },
      { keys: [null] },
      { keys: [{ ...key, kid: '1' }] },
      { keys: [{ ...key, kid: 2 ** 24 }] },
      { keys: [{ ...key, key: 'AAAA' }] },
      { keys: [{ ...key, salt: `${key.salt}AA` }] },
      { keys: [{ ...key, key: '!' }] },
      { keys: Array(5).fill(key) },
    ]) {
      expect(parseRelease(JSON.stringify({ ...good, ...change })), JSON.stringify(change)).toBeNull()
    }
    for (const text of ['', 'null', '[]', '{', '1']) expect(parseRelease(text), text).toBeNull()
  })
})

import { describe, expect, it } from 'vitest'
import { decodeJson, encodeJson, readAudience, readSealedWords } from './messages'
import { type AudiencePair, drawPair } from './narrow'
import { openWords, type Recipients, sealWords } from './words'

const [SENDER, TEACHER, PUPIL] = ['AAAAAAAAAAE', 'AAAAAAAAAAI', 'AAAAAAAAAAM'] as const
const CHAT = { t: 'chat', text: 'Je n’ai pas compris' }

async function pairs(): Promise<{ teacher: AudiencePair; pupil: AudiencePair; recipients: Recipients }> {
  const [teacher, pupil, sender] = await Promise.all([drawPair(), drawPair(), drawPair()])
  return { teacher, pupil, recipients: new Map([[TEACHER, teacher.publicKey], [SENDER, sender.publicKey]]) }
}

describe('words for some alone', () => {
  it('are read by those alone, of that sender and for that audience alone', async () => {
    const { teacher, pupil, recipients } = await pairs()
    const words = readSealedWords(decodeJson(encodeJson(await sealWords(SENDER, 'moderators', CHAT, recipients))))
    if (words === null) throw new Error('read as written')
    expect(words.keys.map(({ participant }) => participant)).toEqual([TEACHER, SENDER])
    expect(await openWords(teacher, TEACHER, SENDER, words)).toEqual(CHAT)
    expect(await openWords(pupil, PUPIL, SENDER, words)).toBeNull()
    expect(await openWords(pupil, TEACHER, SENDER, words)).toBeNull()
    // Nobody takes them out and says them as their own, or as for others.
    expect(await openWords(teacher, TEACHER, PUPIL, words)).toBeNull()
    expect(await openWords(teacher, TEACHER, SENDER, { ...words, to: 'group' })).toBeNull()
    expect(await openWords(teacher, TEACHER, SENDER, { ...words, to: { one: TEACHER } })).toBeNull()
    expect(new TextDecoder().decode(encodeJson(words))).not.toContain('compris')
  })

  it('are kept from nobody else by a key that is none', async () => {
    const { teacher, recipients } = await pairs()
    const words = await sealWords(SENDER, 'moderators', CHAT, new Map([[PUPIL, new Uint8Array(32)], ...recipients]))
    expect(await openWords(teacher, TEACHER, SENDER, words)).toEqual(CHAT)
  })

  it('have bounds', async () => {
    const { teacher, recipients } = await pairs()
    const many = new Map(Array.from({ length: 201 }, (_, i) => [`${i}`, teacher.publicKey]))
    await expect(sealWords(SENDER, 'group', CHAT, many)).rejects.toThrow(RangeError)
    await expect(sealWords(SENDER, 'group', { ...CHAT, text: 'x'.repeat(48 * 1024) }, recipients)).rejects.toThrow(RangeError)
    const words = await sealWords(SENDER, 'group', { ...CHAT, text: 'x'.repeat(2000) }, recipients)
    const [key] = words.keys
    expect(() => encodeJson({ ...words, keys: Array(200).fill(key) })).not.toThrow()
    const fields = JSON.parse(new TextDecoder().decode(encodeJson(words))) as { keys: unknown[] }
    expect(readSealedWords({ ...fields, keys: Array(200).fill(fields.keys[0]) })).not.toBeNull()
    expect(readSealedWords({ ...fields, keys: Array(201).fill(fields.keys[0]) })).toBeNull()
    for (const wrong of [{ to: undefined }, { to: 'everybody' }, { to: {} }, { keys: null }, { keys: [{}] }, { body: 1 }, { t: 'chat' }]) {
      expect(readSealedWords({ ...fields, ...wrong }), JSON.stringify(wrong)).toBeNull()
    }
  })

  it('say whom they are for', () => {
    expect(readAudience(CHAT)).toBe('everybody')
    for (const to of ['group', 'moderators', { one: TEACHER }] as const) expect(readAudience({ ...CHAT, to })).toEqual(to)
    for (const to of ['everybody', null, 1, {}, { one: 'x' }, [TEACHER]]) expect(readAudience({ ...CHAT, to })).toBeNull()
  })
})

import { Decrypter, Encrypter } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import { deriveRecordingKey, identityOf, recipientOf } from './recording-key'

const MODERATOR = Uint8Array.from({ length: 16 }, (_, i) => i)
const RECORDING = Uint8Array.from({ length: 16 }, (_, i) => 255 - i)

describe('key of a recording', () => {
  // Computed apart: HKDF by Python's hmac, the recipient by `age-keygen -y`.
  it('is what other programs derive', async () => {
    const key = await deriveRecordingKey(MODERATOR, RECORDING)
    expect(Buffer.from(key).toString('hex')).toBe('1a9be261dad3403784d4d47d3de38206c530533184d69b228421949a1f9743f1')
    expect(identityOf(key)).toBe('AGE-SECRET-KEY-1R2D7YCW66DQR0PX5637NMCUZQMZNQ5E3SNTFKG5YYX2F58UHG0CSRPDV9J')
    expect(await recipientOf(key)).toBe('age1p87ejgcse7a95kjcxe9yhfs3wrrnl9e3e2l09mmf9uvxuh9wh3rq7qg5kl')
  })

  it('opens its own recording and no other', async () => {
    const encrypter = new Encrypter()
    encrypter.addRecipient(await recipientOf(await deriveRecordingKey(MODERATOR, RECORDING)))
    const sealed = await encrypter.encrypt('une seconde de cours')
    const open = async (recording: Uint8Array<ArrayBuffer>) => {
      const decrypter = new Decrypter()
      decrypter.addIdentity(identityOf(await deriveRecordingKey(MODERATOR, recording)))
      return decrypter.decrypt(sealed, 'text')
    }
    expect(await open(RECORDING)).toBe('une seconde de cours')
    await expect(open(RECORDING.map((byte, i) => (i === 0 ? byte ^ 1 : byte)))).rejects.toThrow()
  })
})

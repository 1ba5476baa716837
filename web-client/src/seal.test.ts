import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import { seal } from './seal'

const NOTE = 'Zoé Quetzal a montré une image blessante à 10 h 12.\n— Mme Loriot'

describe('a sealed text', () => {
  it('is opened by the key it was sealed for, and by no other', async () => {
    const identity = await generateX25519Identity()
    const sealed = await seal(NOTE, await identityToRecipient(identity))
    expect(atob(sealed)).toMatch(/^age-encryption\.org\/v1\n/)
    expect(atob(sealed)).not.toContain('Quetzal')
    expect(await open(sealed, identity)).toBe(NOTE)
    await expect(open(sealed, await generateX25519Identity())).rejects.toThrow()
  })

  it('is another one each time', async () => {
    const recipient = await identityToRecipient(await generateX25519Identity())
    expect(await seal(NOTE, recipient)).not.toBe(await seal(NOTE, recipient))
  })

  it.each(['', 'age1nobody', 'https://example.org/key'])('is refused for %j, which is no public key', async (recipient) => {
    await expect(seal(NOTE, recipient)).rejects.toThrow()
  })
})

async function open(sealed: string, identity: string): Promise<string> {
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  return decrypter.decrypt(Uint8Array.from(atob(sealed), (char) => char.charCodeAt(0)), 'text')
}

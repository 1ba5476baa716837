import { describe, expect, it } from 'vitest'
import { deriveProof, toBase64Url } from '../link'
import { credentialsOf, grantLink, parseAccess, recordingsLink } from './access'

const ID = toBase64Url(new Uint8Array(16).fill(7))
const SECRET = new Uint8Array(16).fill(9)
const KEY = new Uint8Array(32).fill(11)

describe('links of recordings', () => {
  it('are read as they are written', () => {
    const moderator = recordingsLink({ room: ID, secret: SECRET })
    expect(parseAccess(moderator.slice(moderator.indexOf('#')))).toEqual({ kind: 'moderator', room: ID, secret: SECRET })
    const grant = grantLink('https://preau.example', { recording: ID, secret: SECRET, key: KEY })
    expect(grant.startsWith('https://preau.example/recordings#v1g.')).toBe(true)
    expect(parseAccess(grant.slice(grant.indexOf('#')))).toEqual({ kind: 'grant', recording: ID, secret: SECRET, key: KEY })
  })

  it('cut anywhere, or of another form, are none', () => {
    for (const link of [recordingsLink({ room: ID, secret: SECRET }), grantLink('', { recording: ID, secret: SECRET, key: KEY })]) {
      const hash = link.slice(link.indexOf('#'))
      for (let end = 0; end < hash.length; end += 1) expect(parseAccess(hash.slice(0, end)), hash.slice(0, end)).toBeNull()
      expect(parseAccess(`${hash}A`)).toBeNull()
      expect(parseAccess(`${hash}.A`)).toBeNull()
    }
    for (const hash of [`#v1.${ID}`, `#v1m.${ID}`, `#v1g.../etc.${ID}.${ID}`, `#v1m.${'.'.repeat(22)}.${ID}`]) {
      expect(parseAccess(hash), hash).toBeNull()
    }
  })

  it('show the server a proof and never the secret', async () => {
    const proof = await deriveProof(SECRET)
    expect(await credentialsOf({ kind: 'moderator', room: ID, secret: SECRET })).toEqual({ 'preau-room': ID, 'preau-proof': proof })
    expect(await credentialsOf({ kind: 'grant', recording: ID, secret: SECRET, key: KEY })).toEqual({ 'preau-grant': proof })
  })
})

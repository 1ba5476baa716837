import { describe, expect, it } from 'vitest'
import { relayServers } from './relay'

const ACCESS = { username: '1800043200:00', password: 'secret' }

describe('the relay', () => {
  it('is at the very place the page came from', () => {
    const urls = (protocol: string, hostname: string, port: string) => relayServers(ACCESS, { protocol, hostname, port }).map((server) => server.urls)
    expect(urls('https:', 'visio.example', '')).toEqual(['turns:visio.example:443?transport=tcp'])
    expect(urls('https:', '192.0.2.7', '8443')).toEqual(['turns:192.0.2.7:8443?transport=tcp'])
    expect(urls('https:', '[2001:db8::7]', '8443')).toEqual(['turns:[2001:db8::7]:8443?transport=tcp'])
  })

  it('is none without TLS, or where the server has none', () => {
    expect(relayServers(ACCESS, { protocol: 'http:', hostname: 'localhost', port: '8080' })).toEqual([])
    expect(relayServers(null, { protocol: 'https:', hostname: 'visio.example', port: '' })).toEqual([])
  })
})

// The way for media where neither UDP nor plain TCP gets through: this server's own relay (TURN over
// TLS) on the port this page came from. No other server is ever asked for anything.

import type { RelayAccess } from '../protocol/generated'

/** The relay as browsers want it; none where the server has none, or where this page came without TLS. */
export function relayServers(access: RelayAccess | null, page: Pick<Location, 'protocol' | 'hostname' | 'port'>): RTCIceServer[] {
  if (access === null || page.protocol !== 'https:') return []
  const port = page.port === '' ? HTTPS_PORT : page.port
  return [{ urls: `turns:${page.hostname}:${port}?transport=tcp`, username: access.username, credential: access.password }]
}

const HTTPS_PORT = '443'

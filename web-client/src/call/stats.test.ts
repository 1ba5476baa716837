import { describe, expect, it } from 'vitest'
import { selectedPath } from './stats'

const LOCAL = { id: 'L', type: 'local-candidate', candidateType: 'prflx', protocol: 'udp', address: '198.51.100.9', port: 5 }
const REMOTE = { id: 'R', type: 'remote-candidate', candidateType: 'host', protocol: 'udp', address: '192.0.2.7', port: 8443 }
const PAIR = { id: 'P', type: 'candidate-pair', localCandidateId: 'L', remoteCandidateId: 'R', state: 'succeeded' }

function report(...entries: Record<string, unknown>[]): Map<string, unknown> {
  return new Map(entries.map((entry) => [String(entry['id']), entry]))
}

describe('the selected path', () => {
  it('is the pair that the transport names (Chromium)', () => {
    const other = { ...PAIR, id: 'Q', remoteCandidateId: '?', nominated: true }
    const transport = { id: 'T', type: 'transport', selectedCandidatePairId: 'P' }
    const path = selectedPath(report(other, transport, { ...PAIR, currentRoundTripTime: 0.02 }, LOCAL, REMOTE))
    expect(path).toMatchObject({ localType: 'prflx', protocol: 'udp', roundTrip: 0.02 })
    expect(path?.server).toEqual({ address: '192.0.2.7', port: 8443 })
  })

  it('is the pair that is marked (Firefox)', () => {
    const path = selectedPath(report({ ...PAIR, id: 'Q', state: 'failed' }, { ...PAIR, selected: true }, LOCAL, REMOTE))
    expect(path?.localType).toBe('prflx')
    expect(path?.roundTrip).toBeNull()
  })

  it('is none before there is one, and holds no address of this machine', () => {
    expect(selectedPath(report({ ...PAIR, state: 'in-progress' }, LOCAL, REMOTE))).toBeNull()
    const path = selectedPath(report({ ...PAIR, nominated: true }, LOCAL, REMOTE))
    expect(JSON.stringify(path)).not.toContain(LOCAL.address)
  })
})

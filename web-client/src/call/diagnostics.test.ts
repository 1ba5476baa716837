import { describe, expect, it } from 'vitest'
import { diagnose, type Snapshot } from './diagnostics'
import type { ParticipantId } from './state'

const ANA = 'AAAAAAAAAAA' as ParticipantId

/** Counters after so many seconds of an even flow. */
function after(seconds: number, lost = 0): Snapshot {
  const entries = [
    { id: 'T', type: 'transport', selectedCandidatePairId: 'P' },
    { id: 'P', type: 'candidate-pair', localCandidateId: 'L', remoteCandidateId: 'R', currentRoundTripTime: 0.03, bytesReceived: 50_000 * seconds, bytesSent: 25_000 * seconds, availableOutgoingBitrate: 900_000 },
    { id: 'L', type: 'local-candidate', candidateType: 'host', protocol: 'udp', address: '198.51.100.9' },
    { id: 'R', type: 'remote-candidate', address: '192.0.2.7', port: 8443 },
    { id: 'C', type: 'codec', mimeType: 'video/VP8' },
    { id: 'V', type: 'inbound-rtp', kind: 'video', mid: '3', codecId: 'C', packetsReceived: 98 * seconds, packetsLost: lost, bytesReceived: 40_000 * seconds, frameWidth: 480, frameHeight: 270, framesPerSecond: 24 },
    { id: 'A', type: 'inbound-rtp', kind: 'audio', mid: '2', packetsReceived: 0, jitterBufferDelay: 48 * seconds, jitterBufferEmittedCount: 1_200 * seconds },
    { id: 'O', type: 'outbound-rtp', kind: 'video', mid: '1', rid: 'l', codecId: 'C', bytesSent: 10_000 * seconds, frameWidth: 240, frameHeight: 135, framesPerSecond: 24 },
    { id: 'X', type: 'outbound-rtp', kind: 'video', mid: '1', rid: 'h', codecId: 'C', bytesSent: 0 },
    { id: 'I', type: 'remote-inbound-rtp', fractionLost: 0.02, roundTripTime: 0.05 },
  ]
  return {
    at: seconds * 1_000,
    entries,
    carried: new Map([['3', { participant: ANA, source: 'camera' as const }], ['2', null]]),
    sent: [{ mid: '0', source: 'microphone' }, { mid: '1', source: 'camera' }],
    signalingRoundTrip: 12,
    returns: 1, frames: null,
  }
}

describe('a diagnosis', () => {
  it('is what happened between two looks', () => {
    const found = diagnose(after(10), after(12, 4))
    expect(found).toMatchObject({
      mediaRoundTrip: 30,
      signalingRoundTrip: 12,
      incomingBitrate: 400_000,
      outgoingBitrate: 200_000,
      estimatedBitrate: 900_000,
      incomingLoss: 0.02,
      outgoingLoss: 0.02,
      jitterBuffer: 40,
      returns: 1,
    })
    expect(found.received).toEqual([
      { participant: ANA, source: 'camera', width: 480, height: 270, framesPerSecond: 24, bitrate: 320_000, codec: 'VP8' },
    ])
    expect(found.sent).toEqual([
      { source: 'camera', rid: 'l', width: 240, height: 135, framesPerSecond: 24, bitrate: 80_000, codec: 'VP8' },
    ])
  })

  it('knows no rates at the first look', () => {
    const found = diagnose(null, after(10))
    expect([found.incomingBitrate, found.incomingLoss, found.received, found.sent]).toEqual([0, null, [], []])
    expect(found.path?.server).toEqual({ address: '192.0.2.7', port: 8443 })
  })

  it('takes counters of another connection for new ones', () => {
    const found = diagnose(after(100), { ...after(3), at: 101_000 })
    expect([found.incomingBitrate, found.outgoingBitrate]).toEqual([0, 0])
  })

  it('holds no address of this machine', () => {
    expect(JSON.stringify(diagnose(after(1), after(2)))).not.toContain('198.51.100.9')
  })
})

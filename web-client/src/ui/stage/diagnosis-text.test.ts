import { describe, expect, it } from 'vitest'
import { diagnose } from '../../call/diagnostics'
import { NO_KEYS_YET } from '../../call/encryption-state'
import type { ParticipantId } from '../../call/state'
import { encryptionRows } from './diagnosis-text'

const person = (id: string, isSelf = false) => ({ id: id as ParticipantId, isSelf, displayName: id })
const NONE = { no_key: 0, forged: 0, replayed: 0, misrouted: 0, clear: 0 }

describe('the counts of encryption', () => {
  it('are of what oneself sends, and of everybody’s tracks together', () => {
    const frames = {
      sent: [
        { source: 'camera' as const, encrypted: 90, dropped: 2, clear: 0 },
        { source: 'microphone' as const, encrypted: 10, dropped: 0, clear: 0 },
      ],
      received: [
        { participant: 'ada', source: 'camera' as const, decrypted: 30, dropped: { ...NONE, no_key: 1, forged: 2 } },
        { participant: 'ada', source: 'microphone' as const, decrypted: 5, dropped: { ...NONE, replayed: 1, misrouted: 1, clear: 4 } },
      ],
    }
    const look = { at: 0, entries: [], carried: new Map(), sent: [], signalingRoundTrip: null, returns: 0, frames }
    const members = new Set(['me', 'ada'] as ParticipantId[])
    const rows = encryptionRows(diagnose(null, look), { ...NO_KEYS_YET, members }, [person('me', true), person('ada'), person('bob')])
    expect(rows.map(({ state, good, dropped, clear }) => [state, good, dropped, clear])).toEqual([
      ['member', 100, 2, 0],
      ['member', 35, 5, 4],
      ['none', 0, 0, 0],
    ])
  })
})

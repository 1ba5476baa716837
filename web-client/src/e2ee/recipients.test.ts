import { describe, expect, it } from 'vitest'
import { hostKeyOf } from '../host-key'
import { toBase64Url } from '../link'
import type { RecordingInfo } from '../protocol/generated'
import { type Asked, isRecordingSigned, signRecording } from './recipients'

const MODERATOR = new Uint8Array(16).fill(3)
const ROOM = toBase64Url(new Uint8Array(16).fill(1))
const OWN = { name: null, key: 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p' }
const SCHOOL = { name: 'Archives', key: 'age1pyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq8r66x' }
const ASKED: Asked = {
  recording: toBase64Url(new Uint8Array(16).fill(2)),
  terms: { purpose: 'revision', details: 'Les volcans', retentionDays: 7, audience: 'La classe' },
  askedBy: 'CCCCCCCCCCA',
  recipients: [OWN, SCHOOL],
}

describe('what is asked of everybody', () => {
  it('is what the host key signed, to the letter, for this room and this recording', async () => {
    const { publicKey } = await hostKeyOf(MODERATOR)
    const recipientsSignature = await signRecording(MODERATOR, ROOM, ASKED)
    const isGood = (change: Partial<RecordingInfo> = {}, key = publicKey, room = ROOM) =>
      isRecordingSigned(key, room, { ...ASKED, recipientsSignature, ...change })
    expect(await isGood()).toBe(true)
    const { terms } = ASKED
    const changes: Partial<RecordingInfo>[] = [
      ...[[SCHOOL, OWN], [OWN], [OWN, SCHOOL, SCHOOL], [], [OWN, { ...SCHOOL, name: 'Mairie' }], [OWN, { ...SCHOOL, name: null }]].map((recipients) => ({ recipients })),
      { recipients: [{ name: null, key: OWN.key + SCHOOL.name }, { name: '', key: SCHOOL.key }] },
      { terms: { ...terms, purpose: 'other' } },
      { terms: { ...terms, details: 'Les volcan', audience: 'sLa classe' } },
      { terms: { ...terms, retentionDays: 30 } },
      { terms: { ...terms, audience: 'Tout le monde' } },
      { askedBy: 'BBBBBBBBBBA' },
      { askedBy: '!' },
      { recording: ROOM },
      ...[null, '', 'AAAA', '!', toBase64Url(new Uint8Array(64))].map((signature) => ({ recipientsSignature: signature })),
    ]
    for (const change of changes) expect(await isGood(change), JSON.stringify(change)).toBe(false)
    expect(await isGood({}, publicKey, ASKED.recording)).toBe(false)
    expect(await isGood({}, (await hostKeyOf(new Uint8Array(16).fill(4))).publicKey)).toBe(false)
  })
})

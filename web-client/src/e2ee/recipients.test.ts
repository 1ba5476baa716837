import { describe, expect, it } from 'vitest'
import { hostKeyOf } from '../host-key'
import { toBase64Url } from '../link'
import { areRecipientsSigned, signRecipients } from './recipients'

const MODERATOR = new Uint8Array(16).fill(3)
const ROOM = toBase64Url(new Uint8Array(16).fill(1))
const RECORDING = toBase64Url(new Uint8Array(16).fill(2))
const OWN = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'
const SCHOOL = 'age1pyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq8r66x'

describe('the recipients of a recording', () => {
  it('are those the host key signed, in their order, for this room and this recording', async () => {
    const { publicKey } = await hostKeyOf(MODERATOR)
    const recipientsSignature = await signRecipients(MODERATOR, ROOM, RECORDING, [OWN, SCHOOL])
    const told = (keys: readonly string[], recording = RECORDING, signature: string | null = recipientsSignature) => ({
      recording,
      recipients: keys.map((key) => ({ name: null, key })),
      recipientsSignature: signature,
    })
    expect(await areRecipientsSigned(publicKey, ROOM, told([OWN, SCHOOL]))).toBe(true)
    for (const keys of [[SCHOOL, OWN], [OWN], [OWN, SCHOOL, SCHOOL], [OWN + SCHOOL], []]) {
      expect(await areRecipientsSigned(publicKey, ROOM, told(keys)), keys.join()).toBe(false)
    }
    expect(await areRecipientsSigned(publicKey, RECORDING, told([OWN, SCHOOL]))).toBe(false)
    expect(await areRecipientsSigned(publicKey, ROOM, told([OWN, SCHOOL], ROOM))).toBe(false)
    const other = await hostKeyOf(new Uint8Array(16).fill(4))
    expect(await areRecipientsSigned(other.publicKey, ROOM, told([OWN, SCHOOL]))).toBe(false)
    for (const signature of [null, '', 'AAAA', '!', toBase64Url(new Uint8Array(64))]) {
      expect(await areRecipientsSigned(publicKey, ROOM, told([OWN, SCHOOL], RECORDING, signature))).toBe(false)
    }
  })
})

import { describe, expect, it } from 'vitest'
import { type CircleMessage, decodeJson, encodeJson, isKeyMessage, readMessage } from './messages'

const PARTICIPANT = 'BwcHBwcHBwc'
const TOTALS = { yes: 1, no: 0, slower: 2, faster: 0 }
const EMPTY = { t: 'state', names: [], hands: [], totals: TOTALS, question: null, link: null, lobby: null, delegates: [] } as const
/** Those that concern the circle itself, one of each kind at least. */
const MESSAGES: readonly CircleMessage[] = [
  {
    ...EMPTY,
    names: [[PARTICIPANT, 'Zoé']],
    hands: [PARTICIPANT],
    link: { generation: 2, secret: new Uint8Array(16).fill(3) },
    lobby: true,
    delegates: [[PARTICIPANT, new Uint8Array(74).fill(4)]],
  },
  EMPTY,
  { t: 'catch_up' },
  { t: 'link', generation: 0, secret: new Uint8Array(16) },
  { t: 'policy', lobby: false },
  { t: 'delegate', admission: new Uint8Array(74).fill(1) },
  { t: 'narrow', level: 2, keys: [{ participant: PARTICIPANT, enc: new Uint8Array(32), ct: new Uint8Array(32) }] },
]

describe('messages', () => {
  it('survive being written and read', () => {
    for (const message of MESSAGES) {
      expect(readMessage(decodeJson(encodeJson(message))), message.t).toEqual(message)
      expect(isKeyMessage(message)).toBe(true)
    }
    const chat: CircleMessage = { t: 'chat', text: 'Bonjour' }
    expect(readMessage(decodeJson(encodeJson(chat)))).toEqual(chat)
    expect(isKeyMessage(chat)).toBe(false)
  })

  it('of the circle itself are read strictly', () => {
    for (const message of MESSAGES) {
      const fields = decodeJson(encodeJson(message)) as Record<string, unknown>
      for (const name of Object.keys(fields)) {
        for (const wrong of [undefined, {}, 'no', -1, 1.5, [1]]) {
          // What is wrong in the class part of a state is left out by its own reader.
          if (name === 'names' || name === 'question' || name === 'hands') continue
          expect(readMessage({ ...fields, [name]: wrong }), `${message.t}.${name} ${JSON.stringify(wrong)}`).toBeNull()
        }
      }
    }
  })

  it('say little by their length', () => {
    expect(encodeJson({ t: 'chat', text: 'non' })).toHaveLength(64)
    expect(encodeJson({ t: 'hand', raised: true })).toHaveLength(64)
    expect(encodeJson({ t: 'chat', text: 'x'.repeat(100) })).toHaveLength(128)
  })

  it('of another kind, or no messages at all, are none', () => {
    for (const value of [{ t: 'later' }, { t: 'toString' }, {}, [], null, 'chat']) expect(readMessage(value)).toBeNull()
    for (const bytes of [[0x7b], [0xff, 0xfe], []]) expect(decodeJson(Uint8Array.from(bytes))).toBeNull()
  })

  it('have bounds', () => {
    const keys = Array(1001).fill({ participant: PARTICIPANT, enc: 'A'.repeat(43), ct: 'A'.repeat(43) })
    expect(readMessage({ t: 'narrow', level: 1, keys: keys.slice(1) })).not.toBeNull()
    expect(readMessage({ t: 'narrow', level: 1, keys })).toBeNull()
    expect(() => encodeJson({ t: 'chat', text: 'x'.repeat(48 * 1024) })).toThrow(RangeError)
    expect(decodeJson(new Uint8Array(48 * 1024).fill(0x20))).toBeNull()
  })
})

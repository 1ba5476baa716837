import { describe, expect, it } from 'vitest'
import { toBase64Url } from '../link'
import { isGoodReceipt, JournalError, readJournal } from './journal'
import { journalOf, PERSON, RECORDING, signer } from './samples'

const ENTRIES = [
  { kind: 'answer', person: PERSON, pseudonym: 'Zoé "x" </script>', answer: 'accepted' },
  { kind: 'grant', grant: 'AAAAAAAAAAA' },
  { kind: 'answer', person: PERSON, pseudonym: 'Zoé', answer: 'withdrawn' },
  { kind: 'ended', cause: 'stopped' },
]

describe('the journal of a recording', () => {
  it('is read as it was written', async () => {
    const { texts, seal } = await journalOf(ENTRIES)
    const lines = await readJournal(texts, seal)
    expect(lines.map(({ what }) => what.kind)).toEqual(['terms', 'answer', 'grant', 'answer', 'ended'])
    expect(lines[1]).toMatchObject({ n: 1, what: { pseudonym: 'Zoé "x" </script>', answer: 'accepted' } })
  })

  it('r23_with_any_byte_changed_is_refused', async () => {
    const { texts, seal } = await journalOf(ENTRIES)
    for (const [n, text] of texts.entries()) {
      const bytes = new TextEncoder().encode(text)
      for (let at = 0; at < bytes.length; at += 7) {
        const altered = new TextDecoder().decode(bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)))
        await expect(readJournal(texts.with(n, altered), seal), `byte ${at} of line ${n}`).rejects.toThrow(JournalError)
      }
    }
  })

  it('r23_with_a_line_left_out_swapped_cut_off_or_added_is_refused', async () => {
    const { texts, seal } = await journalOf(ENTRIES)
    const longer = await journalOf([...ENTRIES, { kind: 'ended', cause: 'failed' }])
    const [first = '', second = '', ...rest] = texts
    for (const wrong of [...texts.keys()].map((n) => texts.toSpliced(n, 1)).concat([[second, first, ...rest], longer.texts, [], [...texts, first]])) {
      await expect(readJournal(wrong, seal)).rejects.toThrow(JournalError)
    }
  })

  it('of another recording, or signed by another server, is refused', async () => {
    const { texts, seal } = await journalOf(ENTRIES)
    await expect(readJournal(texts, { ...seal, id: 'BBBBBBBBBBBBBBBBBBBBBA' })).rejects.toThrow(JournalError)
    await expect(readJournal(texts, { ...seal, signingKey: (await signer(9)).public })).rejects.toThrow(JournalError)
    await expect(readJournal(texts, { ...seal, signingKey: 'AAAA' })).rejects.toThrow(JournalError)
  })
})

it('r23_a_receipt_of_deletion_is_the_server_s_word_and_nobody_else_s', async () => {
  const key = await signer(7)
  const text = `preau deletion v1\n${RECORDING}\ndeadline\n1800000000`
  const receipt = { recording: RECORDING, what: 'deadline', at: 1_800_000_000, signature: toBase64Url(await key.sign(text)) }
  expect(await isGoodReceipt(receipt, key.public)).toBe(true)
  for (const wrong of [{ at: 1_800_000_001 }, { what: 'request' }, { recording: 'BBBBBBBBBBBBBBBBBBBBBA' }, { signature: 'AAAA' }]) {
    expect(await isGoodReceipt({ ...receipt, ...wrong }, key.public)).toBe(false)
  }
})

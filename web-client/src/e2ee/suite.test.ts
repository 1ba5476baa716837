// What is computed on the spot gives what WebCrypto gives.

import { getCiphersuiteFromName, getCiphersuiteImpl } from 'ts-mls'
import { expect, test } from 'vitest'
import { SUITE, suite } from './suite'

/** Lengths about the ends of the blocks of SHA-256, and nothing at all. */
const LENGTHS = [0, 1, 32, 55, 56, 63, 64, 65, 200]

const bytes = (length: number, salt: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 37 + salt * 101) % 256)

test('hash, code of authenticity and derived keys are those of WebCrypto', async () => {
  const [ours, theirs] = [await suite(), await getCiphersuiteImpl(getCiphersuiteFromName(SUITE))]
  expect(ours.kdf.size).toBe(theirs.kdf.size)
  for (const length of LENGTHS) {
    const data = bytes(length, 1)
    expect(await ours.hash.digest(data)).toEqual(await theirs.hash.digest(data))
    for (const other of LENGTHS.filter((one) => one > 0)) {
      const key = bytes(other, 2)
      const code = await ours.hash.mac(key, data)
      expect(code).toEqual(await theirs.hash.mac(key, data))
      expect(await theirs.hash.verifyMac(key, code, data)).toBe(true)
    }
    const salt = bytes(32, 2)
    expect(await ours.kdf.extract(salt, data)).toEqual(await theirs.kdf.extract(salt, data))
    for (const size of [1, 12, 16, 32, 33, 100]) {
      expect(await ours.kdf.expand(bytes(32, 3), data, size)).toEqual(await theirs.kdf.expand(bytes(32, 3), data, size))
    }
  }
})

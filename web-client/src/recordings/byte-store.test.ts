import { expect, it } from 'vitest'
import { ByteStore } from './byte-store'

const PAGE_BYTES = 1_000

it('a file written in pieces, with its beginning written again at the end, is whole', async () => {
  const store = new ByteStore(PAGE_BYTES)
  const size = PAGE_BYTES * 20 + 345
  const step = 307
  for (let at = 0; at < size; at += step) {
    store.write(at, Uint8Array.from({ length: Math.min(step, size - at) }, (_, i) => (at + i) % 251))
  }
  store.write(5, Uint8Array.of(255, 254))
  const file = new Uint8Array(await store.file('video/webm').arrayBuffer())
  expect(file.length).toBe(size)
  const wrong = file.findIndex((byte, i) => byte !== (i === 5 ? 255 : i === 6 ? 254 : i % 251))
  expect(wrong).toBe(-1)
  // Nothing that is settled is written again by mistake.
  expect(() => {
    store.write(PAGE_BYTES * 3, Uint8Array.of(1))
  }).toThrow(RangeError)
})

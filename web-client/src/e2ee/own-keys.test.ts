import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RequestError } from '../protocol/connection'
import type { EpochKeys } from './frame-messages'
import { OwnKeysBook } from './own-keys'

function keys(serial: number, epoch: number): EpochKeys {
  return { serial, epoch, baseKey: new Uint8Array(16).fill(epoch), leaf: 2, leaves: new Map() }
}

describe('the own keys', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('are those of the newest epoch, until the circle is gone', () => {
    const book = new OwnKeysBook()
    expect(book.newest.value).toBeNull()
    book.begin(keys(1, 7))
    expect(book.newest.value).toEqual({ epoch: 7, leaf: 2, baseKey: new Uint8Array(16).fill(7) })
    book.begin(keys(2, 8))
    expect(book.newest.value).toMatchObject({ epoch: 8 })
    book.forget()
    expect(book.newest.value).toBeNull()
  })

  it('are waited for until frames are sealed in a later epoch, and no longer than that takes', async () => {
    const book = new OwnKeysBook()
    book.begin(keys(1, 7))
    book.sealsIn(1)
    const done = vi.fn()
    const next = book.next().then(done)
    book.begin(keys(2, 8))
    // The frames of the epoch before go on for a moment.
    book.sealsIn(1)
    await Promise.resolve()
    expect(done).not.toHaveBeenCalled()
    book.sealsIn(2)
    await next
    expect(done).toHaveBeenCalledOnce()

    const never = book.next()
    const refused = expect(never).rejects.toThrow(RequestError)
    await vi.advanceTimersByTimeAsync(60_000)
    await refused
  })
})

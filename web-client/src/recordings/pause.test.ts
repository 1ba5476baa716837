import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { pause } from './pause'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

/** A signal, and who listens to it. */
function heard() {
  const ended = new AbortController()
  const { signal } = ended
  const listening = new Set<unknown>()
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
  vi.spyOn(signal, 'addEventListener').mockImplementation((...all: Parameters<typeof add>) => {
    listening.add(all[1])
    add(...all)
  })
  vi.spyOn(signal, 'removeEventListener').mockImplementation((...all: Parameters<typeof remove>) => {
    listening.delete(all[1])
    remove(...all)
  })
  return { ended, signal, listening }
}

it('ends after its time and leaves no listener, however often', async () => {
  const { signal, listening } = heard()
  for (let turn = 0; turn < 3; turn += 1) {
    const waited = pause(40, signal)
    expect(listening.size).toBe(1)
    vi.advanceTimersByTime(40)
    await waited
    expect(listening.size).toBe(0)
  }
})

it('is cut short, with its timer', async () => {
  const { ended, signal, listening } = heard()
  const waited = pause(40, signal)
  ended.abort()
  await waited
  expect(vi.getTimerCount()).toBe(0)
  expect(listening.size).toBe(0)
})

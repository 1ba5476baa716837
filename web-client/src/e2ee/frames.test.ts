import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { ReceivedCount } from './frame-messages'
import { Frames } from './frames'
import { SilentWorker } from './testing'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Frames and their workers; each answers what it is asked while `answers` holds, and that so many frames
 * came in clear. */
function framesOf(answers: () => boolean, clear = () => 0) {
  const workers: SilentWorker[] = []
  const handleCrash = vi.fn()
  const frames = new Frames(false, handleCrash, () => {
    const worker = new SilentWorker()
    const listen = worker.postMessage.bind(worker)
    worker.postMessage = (message) => {
      listen(message)
      if (message.type !== 'count' || !answers()) return
      worker.dispatchEvent(new MessageEvent('message', { data: { type: 'counted', id: message.id, counters: { sent: [], received: [receivedOf(clear())] } } }))
    }
    workers.push(worker)
    return worker as unknown as Worker
  })
  return { frames, workers, handleCrash }
}

function receivedOf(clear: number): ReceivedCount {
  return { participant: 'a', source: 'camera', decrypted: 0, dropped: { no_key: 9, forged: 9, replayed: 9, misrouted: 9, clear } }
}

it('gives up a worker that cannot start, and says so', async () => {
  const { frames, workers, handleCrash } = framesOf(() => false)
  const fail = () => workers.at(-1)?.dispatchEvent(new Event('error'))
  fail()
  expect(workers).toHaveLength(2)
  fail()
  expect(workers).toHaveLength(2)
  const asked = frames.counters()
  vi.advanceTimersByTime(1_000)
  expect(workers).toHaveLength(3)
  expect(await asked).toEqual({ sent: [], received: [] })
  fail()
  vi.advanceTimersByTime(2_000)
  expect(workers).toHaveLength(4)
  expect(frames.isGivenUp.value).toBe(false)
  fail()
  expect(frames.isGivenUp.value).toBe(true)
  expect(await frames.counters()).toEqual({ sent: [], received: [] })
  vi.advanceTimersByTime(100_000)
  expect(workers).toHaveLength(4)
  expect(handleCrash).toHaveBeenCalledTimes(3)
  expect(workers.every(({ ended }) => ended)).toBe(true)
})

it('replaces a worker that answers no more, as one that ended without a word', () => {
  let answers = true
  const { frames, workers, handleCrash } = framesOf(() => answers)
  vi.advanceTimersByTime(120_000)
  expect(workers).toHaveLength(1)
  answers = false
  vi.advanceTimersByTime(10_000)
  expect(workers).toHaveLength(1)
  vi.advanceTimersByTime(5_000)
  expect(workers).toHaveLength(2)
  expect(workers[0]?.ended).toBe(true)
  expect(handleCrash).toHaveBeenCalledTimes(1)
  frames.close()
  const { length } = workers[1]?.heard ?? []
  vi.advanceTimersByTime(60_000)
  expect(workers[1]?.heard).toHaveLength(length)
})

it('waits for a worker that is still being fetched, and for one whose page was frozen with it', () => {
  let answers = false
  const { workers } = framesOf(() => answers)
  vi.advanceTimersByTime(120_000)
  expect(workers).toHaveLength(1)
  answers = true
  vi.advanceTimersByTime(5_000)
  // Timers of a page that wakes come before what its worker has to say.
  answers = false
  vi.advanceTimersByTime(10_000)
  answers = true
  workers[0]?.postMessage({ type: 'count', id: 0 })
  vi.advanceTimersByTime(120_000)
  expect(workers).toHaveLength(1)
})

it('tells of frames that nobody sealed, and again a minute later where they go on', () => {
  let clear = 0
  const { frames, workers } = framesOf(() => true, () => clear)
  vi.advanceTimersByTime(60_000)
  clear = 9
  vi.advanceTimersByTime(10_000)
  expect(frames.intrusions.value).toBe(0)
  clear = 10
  vi.advanceTimersByTime(5_000)
  expect(frames.intrusions.value).toBe(1)
  clear = 100
  vi.advanceTimersByTime(55_000)
  expect(frames.intrusions.value).toBe(1)
  vi.advanceTimersByTime(10_000)
  expect(frames.intrusions.value).toBe(2)
  vi.advanceTimersByTime(120_000)
  expect(frames.intrusions.value).toBe(2)
  // Another worker counts from the beginning.
  clear = 0
  workers[0]?.dispatchEvent(new Event('error'))
  clear = 10
  vi.advanceTimersByTime(5_000)
  expect(frames.intrusions.value).toBe(3)
})

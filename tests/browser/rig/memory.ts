import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

/** Read at once. A canary that lies across two pieces is found all the same. */
const PIECE = 4 * 1024 * 1024

/** Which of `wanted` stand in the memory of a process, wherever it may write. */
export function inMemory(pid: number, wanted: ReadonlyMap<string, Buffer>): string[] {
  const longest = Math.max(...[...wanted.values()].map((bytes) => bytes.length))
  const found = new Set<string>()
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const piece = Buffer.alloc(PIECE)
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const range = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line)
      if (range === null) continue
      const [from, to] = [BigInt(`0x${range[1]}`), BigInt(`0x${range[2]}`)]
      for (let at = from; at < to; ) {
        const rest = to - at
        const length = rest < BigInt(PIECE) ? Number(rest) : PIECE
        let read = 0
        try {
          read = readSync(memory, piece, 0, length, at)
        } catch {
          // Given back meanwhile.
          break
        }
        if (read === 0) break
        const bytes = piece.subarray(0, read)
        for (const [name, canary] of wanted) if (bytes.includes(canary)) found.add(name)
        at += read === length && BigInt(length) < rest ? BigInt(length - longest) : BigInt(read)
      }
    }
  } finally {
    closeSync(memory)
  }
  return [...found]
}

const figures: string[] = []

/** Notes a measured figure; all are printed at the end of the run. */
export function figure(text: string): void {
  figures.push(text)
}

/** Prints the figures of the run. */
export function printFigures(): void {
  if (figures.length === 0) return
  process.stdout.write(`\nFigures of this run (this machine):\n${figures.map((f) => `  ${f}\n`).join('')}\n`)
}

/** The value below which `share` of `values` lie. */
export function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]
  if (value === undefined) throw new Error('no value')
  return value
}

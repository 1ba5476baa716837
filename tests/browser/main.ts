// Runs every browser test in one process, so that both browsers start once; some at a time where
// they do not disturb each other. `npm test -- reload
// camera` proves only the rules whose names hold one of these words.
import { after } from 'node:test'
import { closeBrowsers } from './rig/browsers.ts'
import { printFigures } from './rig/figures.ts'
import { outcome, proveRules } from './rig/rule.ts'

let isOver = false
after(async () => {
  await closeBrowsers()
  isOver = true
})
// Left to end by itself, Node.js (20.20) waits for every handle to close, and now and then for ever, at full
// speed and after its last word.
process.on('beforeExit', () => {
  if (isOver) process.exit()
})

await import('./room.test.ts')
await import('./class.test.ts')
await import('./lobby.test.ts')
await import('./links.test.ts')
await import('./rooms.test.ts')
await import('./moderation.test.ts')
await import('./voices.test.ts')
await import('./injection.test.ts')
await import('./class-life.test.ts')
await import('./groups.test.ts')
await import('./only-teacher.test.ts')
await import('./recording.test.ts')
await import('./recording-encrypted.test.ts')
await import('./share.test.ts')
await import('./stage.test.ts')
await import('./thrift.test.ts')
await import('./name.test.ts')
await import('./survive.test.ts')
await import('./roads.test.ts')
await import('./firewall.test.ts')
await import('./leave.test.ts')
await import('./keyboard.test.ts')
await import('./privacy.test.ts')
await import('./canary.test.ts')
await import('./refusal.test.ts')
await import('./connection-test.test.ts')
await import('./doctor.test.ts')
await import('./device.test.ts')
await import('./camera.test.ts')
await import('./saving.test.ts')
await import('./svc.test.ts')
await import('./narrow.test.ts')
await import('./speed.test.ts')
await import('./e2ee.test.ts')
await import('./e2ee-proof.test.ts')
await import('./rogue.test.ts')
await import('./e2ee-life.test.ts')
await import('./e2ee-faults.test.ts')
await import('./e2ee-figures.test.ts')
await import('./screens.test.ts')

void proveRules()

/** How many of the longest proofs are named. */
const LONGEST = 20

process.on('exit', () => {
  printFigures()
  const longest = [...outcome.took].sort((one, other) => other.seconds - one.seconds).slice(0, LONGEST)
  process.stdout.write(`Longest proofs:\n${longest.map(({ name, seconds }) => `  ${seconds.toFixed(1).padStart(6)} s  ${name}\n`).join('')}\n`)
  for (const name of outcome.unsteady) process.stdout.write(`held only when proven once more: ${name}\n`)
  for (const failure of outcome.failures) process.stdout.write(`failed: ${failure.replaceAll(/\s+/g, ' ')}\n`)
  process.stdout.write(`${outcome.passed} passed, ${outcome.failures.length} failed\n`)
  if (outcome.passed === 0) process.exitCode = 1
})

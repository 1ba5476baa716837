// A meeting where there is no IPv4: neither browsers nor the server have an address of it but the one that
// every machine has for itself. Runs alone with its browsers in a network of its own, and says last what
// came of it: `ipv6-meeting.ts ADDRESS-OF-THE-SERVER WORDS-THAT-ENTER-THE-SERVER'S-NETWORK`.
import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { closeBrowsers } from './rig/browsers.ts'
import { meet } from './rig/meet.ts'
import { Ground } from './rig/rule.ts'

const [address = '', ...enter] = process.argv.slice(2)

const outside = Object.values(networkInterfaces()).flatMap((some) => (some ?? []).filter(({ internal }) => !internal))
assert.deepEqual([...new Set(outside.map(({ family }) => family))], ['IPv6'])

const ground = new Ground(false)
let last = ''
try {
  const server = await ground.server({ namespace: { enter, address } })
  const met = await meet(ground, server, server.httpsOrigin)
  assert.deepEqual(server.leaks(), [])
  last = JSON.stringify(met)
} catch (error) {
  await ground.report('ipv6')
  throw error
} finally {
  await ground.end()
  await closeBrowsers()
}
process.stdout.write(`${last}\n`, () => process.exit(0))

// Runs as the runners leave them, whole and broken off. scripts/check-tree runs this.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { judge, readRuns } from './privacy-runs.mjs'

const RUST = `running 1 test
test a::r01_rust ... ok
test result: ok. 1 passed
`
const WEB = JSON.stringify({ testResults: [{ status: 'passed', assertionResults: [{ title: 'r01_web', status: 'passed' }] }] })
const BROWSER = `✔ r01_browser (3ms)
ℹ fail 0
ℹ cancelled 0
`
const PASSED = { 'rust.log': RUST, 'rust.status': '0', 'web.json': WEB, 'web.status': '0', 'browser.log': BROWSER, 'browser.status': '0' }

/** The state of R01, and what is said against it. */
function seen(files, by = 'tests') {
  const folder = mkdtempSync(join(tmpdir(), 'preau-runs-'))
  try {
    for (const [name, text] of Object.entries({ ...PASSED, ...files })) {
      if (text !== null) writeFileSync(join(folder, name), text)
    }
    const written = ['r01_rust', 'r01_web', 'r01_browser'].map((name) => ({ name, pattern: new RegExp(`^${name}$`) }))
    const { state, failed, missed, cut } = judge({ number: 'R01', en: '', fr: '', by }, readRuns(folder), written)
    return { state, against: [...failed, ...missed, ...cut] }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const webWith = (file) => JSON.stringify({ testResults: [...JSON.parse(WEB).testResults, file] })
const other = (status) => ({ status: 'failed', assertionResults: [{ title: 'r02_web', status }] })

test('what the list calls open stays open, whatever passes', () => {
  assert.deepEqual(seen({}, 'open'), { state: 'open', against: [] })
})

for (const [what, files, against] of [
  ['all passed', {}, []],
  ['a Rust test that is ignored', { 'rust.log': RUST.replace('... ok', '... ignored') }, ['r01_rust']],
  ['a Rust test that failed', { 'rust.log': RUST.replace('... ok', '... FAILED') }, ['r01_rust']],
  ['a web test that is skipped', { 'web.json': WEB.replace(/"passed"}]/, '"skipped"}]') }, ['r01_web']],
  ['a browser test that is skipped', { 'browser.log': BROWSER.replace('✔ r01_browser (3ms)', '﹣ r01_browser (3ms) # SKIP') }, ['r01_browser']],
  ['a browser test with a remark', { 'browser.log': BROWSER.replace('(3ms)', '(3ms) # LATER') }, ['r01_browser']],
  ['a suite that was not run', { 'web.json': null, 'web.status': null }, ['r01_web']],
  ['a binary that died', { 'rust.log': `${RUST}running 2 tests\n`, 'rust.status': '101' }, ['rust']],
  ['a crate that does not build', { 'rust.log': `${RUST}error: could not compile\n`, 'rust.status': '101' }, ['rust']],
  ['cargo was killed', { 'rust.status': null }, ['rust']],
  ['another Rust test failed', { 'rust.log': `${RUST}error: 1 target failed:\n`, 'rust.status': '101' }, []],
  ['a web file that cannot be read', { 'web.json': webWith({ status: 'failed', assertionResults: [] }), 'web.status': '1' }, ['web']],
  ['an error outside web tests', { 'web.status': '1' }, ['web']],
  ['another web test failed', { 'web.json': webWith(other('failed')), 'web.status': '1' }, []],
  ['a browser run without its end', { 'browser.log': BROWSER.split('ℹ')[0], 'browser.status': '1' }, ['browser']],
  ['a browser run that was cancelled', { 'browser.log': BROWSER.replace('cancelled 0', 'cancelled 4'), 'browser.status': '1' }, ['browser']],
  ['another browser test failed', { 'browser.log': BROWSER.replace('fail 0', 'fail 1'), 'browser.status': '1' }, []],
]) {
  test(what, () => {
    assert.deepEqual(seen(files), { state: against.length === 0 ? 'proven' : 'open', against })
    const documented = seen(files, 'document: a.md')
    assert.equal(documented.state, against.length === 0 ? 'proven' : 'open')
  })
}

// What runners of tests left in a folder, and what that proves of a requirement: a test that passed, in a
// suite that came to its end. Checked by privacy-runs.test.mjs.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Every test of a requirement that a runner names: its outcome (`passed`, `failed`, `skipped`), and its
 * suite in `cut` when that did not come to its end. */
export function readRuns(folder) {
  const read = (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '')
  return Object.entries(RUNNERS).flatMap(([suite, { file, parse }]) => {
    const { tests, isWhole } = parse(read(file), read(`${suite}.status`).trim())
    return tests.map((test) => ({ ...test, cut: isWhole ? null : suite }))
  })
}

/** What was seen of one requirement. `written` are the names of tests that stand in the sources. */
export function judge({ number, en, fr, by }, tests, written) {
  const own = tests.filter((test) => numbersOf(test.name).includes(number))
  const named = (outcome) => [...new Set(own.filter((test) => test.outcome === outcome).map((test) => test.name))]
  const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map(named)
  // A test that exists and did not run proves nothing, and neither do the others without it.
  const absent = written.filter(({ name, pattern }) => numbersOf(name).includes(number) && !own.some((test) => pattern.test(test.name)))
  const missed = [...skipped, ...absent.map(({ name }) => name)]
  // Nobody knows what a suite that broke off would have said next.
  const cut = [...new Set(own.map((test) => test.cut).filter((suite) => suite !== null))]
  const isWhole = failed.length === 0 && missed.length === 0 && cut.length === 0
  const document = by.startsWith('document: ') ? by.slice('document: '.length) : null
  // What the list calls open is, even where tests prove a part of it.
  const isClaimed = isWhole && by !== 'open'
  const state = isClaimed && passed.length > 0 ? 'proven' : isClaimed && document !== null ? 'documented' : 'open'
  const proof = state === 'documented' ? [document] : passed.map((name) => `\`${name}\``)
  return { number, en, fr, expected: by, state, by: proof, failed, missed, cut }
}

/** The numbers a test's name begins with: `r29_r31_a_meeting` has two. */
function numbersOf(name) {
  const start = /^(r\d\d_)+/.exec(name)?.[0] ?? ''
  return [...start.matchAll(/r(\d\d)/g)].map(([, digits]) => `R${digits}`)
}

/** Each binary says how many tests it runs and closes with a result; then cargo says which failed. */
function rust(log, status) {
  const lines = [...log.matchAll(/^test (?:\S+::)?(r\d\d_\w+)(?: - should panic)? \.\.\. (\w+)/gm)]
  const outcomes = { ok: 'passed', ignored: 'skipped' }
  const count = (pattern) => [...log.matchAll(pattern)].length
  const isClosed = count(/^running \d+ tests?$/gm) === count(/^test result: /gm)
  const isTold = status === '0' || (status === '101' && /^error: \d+ targets? failed:$/m.test(log))
  return { isWhole: isClosed && isTold, tests: lines.map(([, name, word]) => ({ name, outcome: outcomes[word] ?? 'failed' })) }
}

/** Vitest writes its report last; a file that could not be read has failed without a failed test. */
function web(text, status) {
  const { testResults } = JSON.parse(text || '{"testResults":[]}')
  const hasFailed = ({ assertionResults }) => assertionResults.some((test) => test.status === 'failed')
  const isTold = testResults.some(hasFailed) && testResults.every((file) => file.status !== 'failed' || hasFailed(file))
  // Those of other names were left out by this run's own pattern.
  const own = testResults.flatMap(({ assertionResults }) => assertionResults).filter(({ title }) => /^r\d\d_/.test(title))
  const outcome = (word) => (word === 'passed' || word === 'failed' ? word : 'skipped')
  return {
    isWhole: status === '0' || (status === '1' && isTold),
    tests: own.map((test) => ({ name: test.title, outcome: outcome(test.status) })),
  }
}

/** Node closes with how many failed and were cancelled. Any other mark than its two, or a word after
 * the name, is of a test that was not run to prove something. */
function browser(log, status) {
  const outcomes = { '✔': 'passed', '✖': 'failed' }
  const tests = [...log.matchAll(/^\s*(\S) (r\d\d_\w+)(.*)$/gmu)].map(([, mark, name, rest]) => {
    return { name, outcome: / # \w/.test(rest) ? 'skipped' : (outcomes[mark] ?? 'skipped') }
  })
  const isTold = status === '0' || (status === '1' && /^ℹ fail [1-9]/m.test(log))
  return { isWhole: isTold && /^ℹ cancelled 0$/m.test(log), tests }
}

/** By suite: its file, beside `SUITE.status`, the status its runner ended with. */
const RUNNERS = {
  rust: { file: 'rust.log', parse: rust },
  web: { file: 'web.json', parse: web },
  browser: { file: 'browser.log', parse: browser },
}

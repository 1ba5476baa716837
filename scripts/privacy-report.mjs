// What the privacy suite proves: reads docs/requirements.md and what the runners left in the folder,
// writes a report in French and English, and holds it against what the list expects of each number.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { judge, readRuns } from './privacy-runs.mjs'

const folder = process.argv[2]
if (folder === undefined) throw new Error('usage: privacy-report.mjs FOLDER')

const WORDS = {
  fr: {
    title: 'Rapport sur la vie privée',
    lead: 'Une ligne par exigence : prouvée par les tests cités, exécutés et réussis lors de ce passage ; documentée ; ou pas encore.',
    heads: ['', 'énoncé', 'état', 'par'],
    proven: 'prouvé',
    documented: 'documenté',
    open: 'pas encore',
    failed: 'en échec',
    missed: 'non exécuté',
    cut: 'suite incomplète',
  },
  en: {
    title: 'Privacy report',
    lead: 'One line for each requirement: proven by the tests named, which ran and passed this time; documented; or not yet.',
    heads: ['', 'statement', 'state', 'by'],
    proven: 'proven',
    documented: 'documented',
    open: 'open',
    failed: 'failed',
    missed: 'not run',
    cut: 'incomplete suite',
  },
}

const requirements = readRequirements()
const tests = readRuns(folder)
const written = writtenTests()
const lines = requirements.map((requirement) => judge(requirement, tests, written))
const count = (state) => lines.filter((line) => line.state === state).length
const sum = `${count('proven')} proven, ${count('documented')} documented, ${count('open')} open`

for (const [language, words] of Object.entries(WORDS)) {
  const rows = lines.map(({ number, state, by, failed, missed, cut, ...texts }) => {
    const failures = failed.map((name) => `${words.failed} : \`${name}\``)
    const gaps = missed.map((name) => `${words.missed} : \`${name}\``)
    const cuts = cut.map((name) => `${words.cut} : ${name}`)
    return [number, texts[language], words[state], [...by, ...failures, ...gaps, ...cuts].join(', ') || '–']
  })
  const row = (cells) => `| ${cells.join(' | ')} |`
  const table = [row(words.heads), '|---|---|---|---|', ...rows.map(row)].join('\n')
  writeFileSync(join(folder, `report.${language}.md`), `# ${words.title}\n\n${words.lead}\n\n${table}\n\n${sum}\n`)
  writeFileSync(join(folder, `report.${language}.html`), html(language, words, rows))
}

const broken = lines.filter(({ expected, state }) => expected === 'tests' && state !== 'proven')
for (const { number, en, failed, missed, cut } of broken) {
  const cuts = cut.map((name) => `the ${name} tests did not complete`)
  const why = [...failed.map((name) => `${name} failed`), ...missed.map((name) => `${name} did not run`), ...cuts].join(', ')
  console.log(`BROKEN: ${number} is not proven (${why || 'it has no test'}): ${en}`)
}
console.log(`reports: ${folder}/report.fr.md, ${folder}/report.en.md`)
console.log(sum)
process.exitCode = broken.length > 0 ? 1 : 0

/** The 48 lines of the list. */
function readRequirements() {
  const rows = readFileSync(new URL('../docs/requirements.md', import.meta.url), 'utf8').split('\n')
  const found = rows
    .filter((line) => /^\| R\d\d \|/.test(line))
    .map((line) => {
      const [number, en, fr, by] = line.split('|').slice(1, -1).map((cell) => cell.trim())
      if (!/^(tests|open|document: .+)$/.test(by)) throw new Error(`${number}: "${by}" is no way to prove anything`)
      return { number, en, fr, by }
    })
  const numbers = found.map(({ number }) => number).join()
  const wanted = Array.from({ length: 48 }, (_, i) => `R${String(i + 1).padStart(2, '0')}`).join()
  if (numbers !== wanted) throw new Error('docs/requirements.md does not list R01 to R48 in order')
  return found
}

/** Every test of a requirement that stands in the sources; `${engine}` in a name is any word. */
function writtenTests() {
  const files = execFileSync('git', ['ls-files', '*.rs', '*.ts', '*.tsx'], { encoding: 'utf8' }).trim().split('\n')
  const found = files.flatMap((file) => {
    const way = file.endsWith('.rs') ? /\bfn (r\d\d_\w+)\s*\(/g : /\b(?:it|test|rule)\(\s*['"`](r\d\d_[^'"`]+)['"`]/g
    return [...readFileSync(file, 'utf8').matchAll(way)].map(([, name]) => name)
  })
  return [...new Set(found)].map((name) => ({ name, pattern: new RegExp(`^${name.replaceAll(/\$\{\w+\}/g, '\\w+')}$`) }))
}

function html(language, words, rows) {
  const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll(/`([^`]*)`/g, '<code>$1</code>')
  const cells = (tag, list) => `<tr>${list.map((text) => `<${tag}>${escape(text)}</${tag}>`).join('')}</tr>`
  return `<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><title>${words.title}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse}th,td{border:1px solid #857968;padding:.3rem .5rem;text-align:left;vertical-align:top}code{overflow-wrap:anywhere}</style></head>
<body><h1>${words.title}</h1><p>${words.lead}</p>
<table><thead>${cells('th', words.heads)}</thead><tbody>
${rows.map((row) => cells('td', row)).join('\n')}
</tbody></table><p>${sum}</p></body></html>
`
}

// What the page promises by what its sources do not hold.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import fr from './i18n/fr.json'
import en from './i18n/en.json'

const HERE = import.meta.dirname
const INDEX = readFileSync(join(HERE, '../index.html'), 'utf8')
const SOURCES = sources(HERE)

describe('promises', () => {
  it('r06_nothing_is_installed', () => {
    const ways = [
      /serviceWorker\s*\.\s*register/,
      /beforeinstallprompt/,
      /registerProtocolHandler/,
      /chrome\.(webstore|runtime)|browser\.runtime/,
      /rel="manifest"/,
      /\.(exe|msi|dmg|apk|deb|xpi|crx)\b/,
    ]
    for (const way of ways) for (const [file, text] of SOURCES) expect(way.test(text), `${file}: ${String(way)}`).toBe(false)
    expect(INDEX).not.toMatch(/manifest|apple-mobile-web-app|apple-itunes-app/)
  })

  it('r02_r08_no_field_asks_for_an_address_a_telephone_a_birth_date_or_a_password', () => {
    // The one secret that is asked for is the pass for making rooms, of whoever makes them.
    const fields = SOURCES.flatMap(([file, text]) => [...text.matchAll(/<input\b[^>]*?type="(\w+)"/gs)].map(([, type]) => [file, type]))
    expect(fields.length).toBeGreaterThan(3)
    for (const [file, type] of fields) {
      if (type === 'password') expect(file).toMatch(/home\.tsx$/)
      expect(['email', 'tel', 'date', 'url']).not.toContain(type)
    }
    for (const [file, text] of SOURCES) expect(/autocomplete="(?!off|one-time-code)/.test(text), file).toBe(false)
  })

  it('r10_the_page_has_nothing_that_shares_it_with_a_social_network', () => {
    expect(INDEX).not.toMatch(/property="og:|name="twitter:|rel="canonical"/)
    expect(INDEX).toMatch(/name="referrer" content="no-referrer"/)
    for (const [file, text] of SOURCES) expect(/navigator\.share\b|facebook|twitter|linkedin|whatsapp/i.test(text), file).toBe(false)
  })

  it('r25_before_joining_the_rules_for_people_stand_in_both_languages_and_say_that_nothing_enforces_them', () => {
    const [, prejoin] = SOURCES.find(([file]) => file.endsWith('prejoin.tsx')) ?? ['', '']
    expect(prejoin).toContain("t('prejoin.ruleRecord')")
    expect(fr['prejoin.ruleRecord']).toMatch(/capture.*enregistrement personnel.*Aucun logiciel/s)
    expect(en['prejoin.ruleRecord']).toMatch(/screenshot.*personal recording.*[Nn]o software/s)
  })

  it('r26_the_chat_reminds_of_care_where_one_writes', () => {
    expect(fr['chat.hint']).toMatch(/disparaissent.*N’y écrivez rien d’intime/)
    expect(en['chat.hint']).toMatch(/disappear|gone|vanish/)
    const [, chat] = SOURCES.find(([, text]) => text.includes("'chat.write'")) ?? ['', '']
    expect(chat).toContain("t('chat.hint')")
  })
})

function sources(folder: string): [file: string, text: string][] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry): [string, string][] => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sources(path)
    return /(?<!\.test)\.tsx?$/.test(entry.name) ? [[path, readFileSync(path, 'utf8')]] : []
  })
}

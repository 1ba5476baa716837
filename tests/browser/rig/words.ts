import { readFileSync } from 'node:fs'

/** A language the web client speaks. */
export type Language = 'fr' | 'en'

const loaded = new Map<Language, Record<string, string>>()

/** The sentence the web client shows for `key`. */
export function words(language: Language, key: string): string {
  const sentence = sentences(language)[key]
  if (sentence === undefined) throw new Error(`no sentence named ${key}`)
  return sentence
}

/** The last sentence of a refusal, title and help, as the page shows them. */
export function refusal(language: Language, problem: string): { title: string; help: string } {
  return { title: words(language, `error.${problem}.title`), help: words(language, `error.${problem}.help`) }
}

function sentences(language: Language): Record<string, string> {
  let all = loaded.get(language)
  if (all === undefined) {
    const file = new URL(`../../../web-client/src/i18n/${language}.json`, import.meta.url)
    all = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>
    loaded.set(language, all)
  }
  return all
}

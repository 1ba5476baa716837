// Every text by key, French first; the English ones are fetched by those who read them. The language
// comes from the browser and can be changed at any time; the choice travels in the address
// (`?lang=en`), so that nothing has to be stored.

import { effect, signal } from '@preact/signals'
import fr from './fr.json'

/** A language the interface speaks. */
export type Language = 'fr' | 'en'

/** Key of one text. */
export type TextKey = keyof typeof fr

/** Keys that have one text for one thing and another for several, without their ending. */
export type CountedKey = TextKey extends infer K ? (K extends `${infer Stem}.other` ? Stem : never) : never

/** What the browser asks for. */
const ofBrowser = chooseLanguage(typeof navigator === 'undefined' ? [] : navigator.languages)

/** The language of the screen. */
export const language = signal<Language>('fr')

/** Takes the language that the address or the browser asks for; French where its texts do not come. */
export async function startLanguage(): Promise<void> {
  const wanted = chosenLanguage(location.search) ?? ofBrowser
  if (await loadLanguage(wanted)) language.value = wanted
}

/** Fetches the texts of a language; false when they do not come. */
export async function loadLanguage(wanted: Language): Promise<boolean> {
  try {
    DICTIONARIES[wanted] ??= (await import('./en.json')).default
    return true
  } catch {
    return false
  }
}

/** Changes the language, and the address so that a reload keeps it. */
export async function switchLanguage(to: Language): Promise<void> {
  if (!(await loadLanguage(to))) return
  language.value = to
  history.replaceState(history.state, '', inLanguage(`${location.pathname}${location.hash}`))
}

/** An address of ours, with the language of the screen where the browser would not choose it. */
export function inLanguage(address: string): string {
  if (language.value === ofBrowser) return address
  const [path = '', ...fragment] = address.split('#')
  return [`${path}?lang=${language.value}`, ...fragment].join('#')
}

/** The language an address asks for, if any. */
export function chosenLanguage(query: string): Language | null {
  const wanted = new URLSearchParams(query).get('lang')
  return wanted === 'fr' || wanted === 'en' ? wanted : null
}

/** The text of `key` in the language of the screen, with `{name}` places filled from `values`. */
export function t(key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  return fill((DICTIONARIES[language.value] ?? fr)[key], values)
}

/** Like `t`, with the grammatical number of `count`, which fills `{count}`. */
export function tn(key: CountedKey, count: number): string {
  const form = new Intl.PluralRules(language.value).select(count) === 'one' ? 'one' : 'other'
  return t(`${key}.${form}`, { count })
}

/** First language of the person's list that we speak; French for everybody else. */
export function chooseLanguage(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const [primary] = tag.toLowerCase().split('-')
    if (primary === 'fr' || primary === 'en') return primary
  }
  return 'fr'
}

/** Keeps `<html lang>` true, so that screen readers pronounce the page right. */
export function followLanguage(root: HTMLElement): () => void {
  return effect(() => {
    root.lang = language.value
  })
}

/** What was fetched. A text missing in one of them does not compile. */
const DICTIONARIES: Partial<Record<Language, Readonly<Record<TextKey, string>>>> = { fr }

function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place))
}

// Every text by key, French first. The language comes from the browser and can be changed at any
// time; the choice travels in the address (`?lang=en`), so that nothing has to be stored.

import { effect, signal } from '@preact/signals'
import en from './en.json'
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
export const language = signal<Language>(
  chosenLanguage(typeof location === 'undefined' ? '' : location.search) ?? ofBrowser,
)

/** Changes the language, and the address so that a reload keeps it. */
export function switchLanguage(to: Language): void {
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
  return fill(DICTIONARIES[language.value][key], values)
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

/** A text missing in one of them does not compile. */
const DICTIONARIES: Readonly<Record<Language, Readonly<Record<TextKey, string>>>> = { fr, en }

function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place))
}

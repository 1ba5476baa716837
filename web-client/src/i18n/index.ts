// Every text by key, French first. The language comes from the browser, can be changed at any time
// and is kept in memory only.

import { effect, signal } from '@preact/signals'
import en from './en.json'
import fr from './fr.json'

/** A language the interface speaks. */
export type Language = 'fr' | 'en'

/** Key of one text. */
export type TextKey = keyof typeof fr

/** Keys that have one text for one thing and another for several, without their ending. */
export type CountedKey = TextKey extends infer K ? (K extends `${infer Stem}.other` ? Stem : never) : never

/** The language of the screen. */
export const language = signal<Language>(
  chooseLanguage(typeof navigator === 'undefined' ? [] : navigator.languages),
)

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

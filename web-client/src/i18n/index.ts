// Every text by key, French first; the English ones are fetched by those who read them, and what is not
// shown before a call by those who go on (`first.ts`). The language comes from the browser and can be
// changed at any time; the choice travels in the address (`?lang=en`), so that nothing has to be stored.

import { effect, signal } from '@preact/signals'
import type fr from './fr.json'
import french from './fr.json?first'

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
export function startLanguage(): Promise<void> {
  const wanted = chosenLanguage(location.search) ?? ofBrowser
  const started = fetchPart(wanted, 'first').then(
    () => {
      language.value = wanted
    },
    () => undefined,
  )
  starting = started
  return started
}

/** Fetches the texts of a language, as many as this page has needed; false when they do not come. */
export async function loadLanguage(wanted: Language): Promise<boolean> {
  try {
    await fetchPart(wanted, 'first')
    if (isRestNeeded) await fetchPart(wanted, 'rest')
    return true
  } catch {
    return false
  }
}

/** Fetches what is not shown before a call, in the language of the screen. Rejects when it does not come. */
export async function loadTexts(): Promise<void> {
  isRestNeeded = true
  await starting
  await fetchPart(language.value, 'rest')
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
  return fill(texts.value[language.value][key] ?? '', values)
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

type Texts = Readonly<Partial<Record<TextKey, string>>>
type Part = 'first' | 'rest'

/** What was fetched. */
const texts = signal<Readonly<Record<Language, Texts>>>({ fr: french, en: {} })
/** Done once the first language stands. */
let starting: Promise<void> = Promise.resolve()
let isRestNeeded = false

const PARTS: Record<Language, Record<Part, () => Promise<{ default: Texts }>>> = {
  fr: { first: () => Promise.resolve({ default: french }), rest: () => import('./fr.json?rest') },
  en: { first: () => import('./en.json?first'), rest: () => import('./en.json?rest') },
}

async function fetchPart(of: Language, part: Part): Promise<void> {
  const fetched = (await PARTS[of][part]()).default
  texts.value = { ...texts.value, [of]: { ...texts.value[of], ...fetched } }
}

function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place))
}

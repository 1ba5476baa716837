// The frame of every screen but the call: skip link, header, one heading, footer.

import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { inLanguage, language, t } from '../i18n'
import { WordMark } from './brand'
import { FootContacts } from './contacts'
import { LanguageSwitch } from './language-switch'

/** What a framed screen is made of. */
export interface ScreenProps {
  /** Text of the one `<h1>` and of the tab. */
  title: string
  /** Name for the style sheet. */
  name: string
  /** Stands beside the heading, inside `<main>`. */
  children: ComponentChildren
  /** Stands above the heading. */
  before?: ComponentChildren
}

/** One framed screen. */
export function Screen({ title, name, children, before }: ScreenProps) {
  useDocumentTitle(title)
  return (
    <div class={`screen screen-${name}`}>
      <SkipToContent />
      <header class="bar">
        <a class="home-link" href={inLanguage('/')}>
          <WordMark />
        </a>
        <LanguageSwitch />
      </header>
      <main id="content" tabIndex={-1}>
        {before}
        <Heading>{title}</Heading>
        {children}
      </main>
      <footer class="foot" aria-label={t('footer.label')}>
        <a href={`/notice?lang=${language.value}`} data-testid="notice-link">
          {t('footer.notice')}
        </a>
        <a href={inLanguage('/test')}>{t('footer.test')}</a>
        <FootContacts />
      </footer>
    </div>
  )
}

/** Leads keyboards past what comes before. A button and no link: the fragment of a room link is its secret
 * and must not become the name of a place in the page. */
export function SkipToContent() {
  return <SkipTo id="content" label={t('app.skip')} />
}

/** Leads keyboards to a part of the page. */
export function SkipTo({ id, label }: { id: string; label: string }) {
  return (
    <button
      type="button"
      class="skip button"
      onClick={() => {
        document.getElementById(id)?.focus()
      }}
    >
      {label}
    </button>
  )
}

/** The `<h1>` of a screen. Takes the focus when its screen replaces another one. */
export function Heading({ children }: { children: ComponentChildren }) {
  const ref = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    if (screensShown > 0) ref.current?.focus()
    screensShown += 1
  }, [])
  return (
    <h1 ref={ref} tabIndex={-1}>
      {children}
    </h1>
  )
}

/** Names the tab. */
export function useDocumentTitle(title: string): void {
  useEffect(() => {
    document.title = title === t('app.name') ? title : `${title} · ${t('app.name')}`
  }, [title])
}

/** Screens drawn since the page was loaded: the first one leaves the focus where browsers put it. */
let screensShown = 0

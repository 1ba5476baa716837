import { type Language, language, switchLanguage, t } from '../i18n'
import { Icon } from './icons'
import type { MenuEntry } from './stage/more-menu'

/** Changes the language of the page at once. Its text is in the language one would get. */
export function LanguageSwitch() {
  const other = otherLanguage()
  return (
    <button
      type="button"
      class="button button-quiet language"
      data-testid="language"
      lang={other}
      onClick={() => {
        void switchLanguage(other)
      }}
    >
      <Icon name="language" />
      <span>{t('language.switch')}</span>
    </button>
  )
}

/** The same, in the menu behind the bar of the room, where the bar above the pictures has no place for it. */
export function languageEntry(): MenuEntry {
  const other = otherLanguage()
  return {
    testId: 'language-in-menu',
    icon: 'language',
    label: t('language.switch'),
    lang: other,
    narrow: true,
    act: () => {
      void switchLanguage(other)
    },
  }
}

function otherLanguage(): Language {
  return language.value === 'fr' ? 'en' : 'fr'
}

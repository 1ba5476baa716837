import { language, switchLanguage, t } from '../i18n'
import { Icon } from './icons'

/** Changes the language of the page at once. Its text is in the language one would get. */
export function LanguageSwitch() {
  const other = language.value === 'fr' ? 'en' : 'fr'
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

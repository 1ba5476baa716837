// What happens to personal data, readable before joining.

import { language, t } from '../i18n'
import en from '../i18n/privacy.en.json'
import fr from '../i18n/privacy.fr.json'
import { Icon } from './icons'
import { Screen } from './screen'

/** The privacy notice. */
export default function Notice() {
  const sections = { fr, en }[language.value]
  return (
    <Screen
      name="notice"
      title={t('footer.notice')}
      before={
        history.length > 1 && (
          <button
            type="button"
            class="button button-quiet back"
            onClick={() => {
              history.back()
            }}
          >
            <Icon name="back" />
            {t('common.back')}
          </button>
        )
      }
    >
      {sections.map(({ title, text }) => (
        <section key={title}>
          <h2>{title}</h2>
          {text.map((line) => (
            <p key={line}>{line}</p>
          ))}
        </section>
      ))}
    </Screen>
  )
}

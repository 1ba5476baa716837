// What end-to-end encryption protects here, and what it does not, in words without jargon.

import { t } from '../../i18n'
import { Icon } from '../icons'
import { Screen } from '../screen'
import '../../styles/encryption.css'

/** The page behind the lock. */
export default function Limits() {
  return (
    <Screen name="limits" title={t('e2ee.help.title')}>
      <p class="lead">{t('e2ee.help.lead')}</p>
      <section class="card stack limits">
        <h2>
          <Icon name="lock" />
          {t('e2ee.help.protects')}
        </h2>
        <ul>
          <li>{t('e2ee.help.protects1')}</li>
          <li>{t('e2ee.help.protects2')}</li>
          <li>{t('e2ee.help.protects3')}</li>
          <li>{t('e2ee.help.protects4')}</li>
        </ul>
      </section>
      <section class="card stack limits">
        <h2>
          <Icon name="eye" />
          {t('e2ee.help.not')}
        </h2>
        <ul>
          <li>{t('e2ee.help.not1')}</li>
          <li>{t('e2ee.help.not2')}</li>
          <li>{t('e2ee.help.not3')}</li>
          <li>{t('e2ee.help.not4')}</li>
          <li>{t('e2ee.help.not5')}</li>
          <li>{t('e2ee.help.not6')}</li>
        </ul>
      </section>
      <section class="card stack limits">
        <h2>
          <Icon name="check" />
          {t('e2ee.help.do')}
        </h2>
        <ul>
          <li>{t('e2ee.help.do1')}</li>
          <li>{t('e2ee.help.do2')}</li>
          <li>{t('e2ee.help.do3')}</li>
        </ul>
      </section>
    </Screen>
  )
}

// The room exists: its links to send, to keep, and to enter by.

import type { RoomLinks } from '../api'
import { inLanguage, language, t } from '../i18n'
import { CopyField } from './copy-field'
import { Icon } from './icons'
import QrCode from './qr'
import { Screen } from './screen'

/** Both links of a new room. */
export default function Made({ links }: { links: RoomLinks }) {
  const date = new Intl.DateTimeFormat(language.value, { dateStyle: 'long', timeStyle: 'short' }).format(links.expiresAt)
  return (
    <Screen name="made" title={t('made.title')}>
      <p class="lead">{t('made.intro')}</p>
      <section class="card card-split" aria-label={t('made.guest')}>
        <div class="stack">
          <CopyField
            label={t('made.guest')}
            help={t('made.guestHelp')}
            value={links.guest}
            action="copy.guest"
            done="copy.doneGuest"
            testId="guest-link"
          />
          {links.otherOrigin && <p class="aside">{t('made.otherOrigin')}</p>}
        </div>
        <QrCode text={links.guest} />
      </section>
      <section class="card" aria-label={t('made.moderator')}>
        <CopyField
          label={t('made.moderator')}
          help={t('made.moderatorHelp')}
          value={links.moderator}
          action="copy.moderator"
          done="copy.doneModerator"
          testId="moderator-link"
          secret
        />
      </section>
      <div class="made-enter">
        <a class="button button-primary button-large" href={inLanguage(links.enter)} data-testid="enter-room">
          <Icon name="enter" />
          {t('made.enter')}
        </a>
        <p class="help">{t('made.expires', { date })}</p>
      </div>
    </Screen>
  )
}

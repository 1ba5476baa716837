// The room exists: its links to send, to keep, and to enter by.

import { computed } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { flagsOf, type RoomLinks } from '../api'
import { inLanguage, language, t } from '../i18n'
import { keepRoom, keptRooms } from '../keep'
import { toBase64Url } from '../link'
import { CopyField } from './copy-field'
import { EncryptionChip } from './e2ee/chip'
import { Icon } from './icons'
import { KeepForm } from './keep-form'
import { profileTitle } from './profiles'
import QrCode from './qr'
import { Screen } from './screen'
import '../styles/links.css'

/** Both links of a new room. */
export default function Made({ links }: { links: RoomLinks }) {
  const date = new Intl.DateTimeFormat(language.value, { dateStyle: 'long', timeStyle: 'short' }).format(links.expiresAt)
  return (
    <Screen name="made" title={t('made.title')}>
      <p class="lead">{t('made.intro')}</p>
      <p class="made-profile">
        <span class="chip">
          <Icon name="check" />
          {profileTitle(links.profile)}
        </span>
        <EncryptionChip encrypted={links.link.encryption !== null} />
        <span class="help">{t(`profile.${links.profile}.line`)}</span>
      </p>
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
      <section class="card stack" aria-label={t('made.moderator')}>
        <CopyField
          label={t('made.moderator')}
          help={t('made.moderatorHelp')}
          value={links.moderator}
          action="copy.moderator"
          done="copy.doneModerator"
          testId="moderator-link"
          secret
        />
        <Keep links={links} />
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

function Keep({ links }: { links: RoomLinks }) {
  const { room, secret } = links.link
  const kept = useMemo(() => computed(() => keptRooms().value.rooms.some((one) => one.room === room)), [room])
  return (
    <details class="keep">
      <summary data-testid="keep-open">{t('keep.open')}</summary>
      <KeepForm
        kept={kept.value}
        keep={(title) =>
          keepRoom({
            room,
            moderator: toBase64Url(secret),
            title,
            profile: links.profile,
            encryption: links.link.encryption === null ? null : flagsOf(links.profile),
            endsAt: Math.floor(links.expiresAt.getTime() / 1000),
            generation: 0,
            pupils: [],
          })
        }
      />
    </details>
  )
}

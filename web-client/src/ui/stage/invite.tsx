// Links of the room, while the meeting goes on: one for everybody, and one for each person.

import { type Signal, useSignal } from '@preact/signals'
import type { Call } from '../../call/store'
import type { HostTools } from '../../call/host'
import { t } from '../../i18n'
import { CopyField } from '../copy-field'
import { Dialog } from '../dialog'
import { Icon, type IconName } from '../icons'
import { KeepForm } from '../keep-form'
import { lazy } from '../lazy'
import { LinkExpiry } from './link-expiry'
import { PupilLinks } from './pupil-links'
import { RotateLink } from './rotate-link'
import '../../styles/links.css'

type View = 'guest' | 'pupils' | 'keep'

/** What moderators invite by. */
export function Invite({ call, close }: { call: Call; close: () => void }) {
  const view = useSignal<View>('guest')
  const host = call.host
  const shown = host === null ? 'guest' : view.value
  const titles = { guest: 'invite.title', pupils: 'links.pupils', keep: 'keep.open' } as const
  return (
    // Another view is another dialog: its title is read first.
    <Dialog key={shown} title={t(titles[shown])} close={close}>
      {shown === 'guest' && <GuestLink call={call} host={host} view={view} />}
      {shown === 'pupils' && host !== null && <PupilLinks call={call} host={host} />}
      {shown === 'keep' && host !== null && (
        <>
          <p class="soft">{t('keep.intro')}</p>
          <KeepForm kept={host.kept.value} keep={(title) => host.keep(title)} />
        </>
      )}
      <div class="actions">
        {shown !== 'guest' && (
          <button
            type="button"
            class="button button-quiet"
            data-testid="links-back"
            onClick={() => {
              view.value = 'guest'
            }}
          >
            <Icon name="back" />
            {t('common.back')}
          </button>
        )}
        <button type="button" class="button button-secondary" data-testid="links-close" onClick={close}>
          {t('common.close')}
        </button>
      </div>
    </Dialog>
  )
}

function GuestLink({ call, host, view }: { call: Call; host: HostTools | null; view: Signal<View> }) {
  const link = call.guestLink.value
  const lobby = call.state.value.rules?.open.lobby === true
  return (
    <>
      {link === null ? (
        <p class="aside">{t('links.replacedElsewhere')}</p>
      ) : (
        <div class="link-and-code">
          <CopyField
            label={t('made.guest')}
            help={t(lobby ? 'invite.helpLobby' : 'invite.help')}
            value={link}
            action="copy.guest"
            done="copy.doneGuest"
            testId="guest-link"
          />
          <QrCode.Part text={link} />
        </div>
      )}
      <LinkExpiry call={call} />
      {host !== null && (
        <>
          <RotateLink call={call} host={host} />
          <div class="more-rows">
            <MoreRow
              testId="pupil-links"
              icon="people"
              title={t('links.pupils')}
              text={t('links.pupilsLine')}
              open={() => {
                view.value = 'pupils'
              }}
            />
            <MoreRow
              testId="keep-open"
              icon="key"
              title={t('keep.open')}
              text={t(host.kept.value ? 'keep.done' : 'keep.line')}
              open={() => {
                view.value = 'keep'
              }}
            />
          </div>
        </>
      )}
    </>
  )
}

interface MoreRowProps {
  testId: string
  icon: IconName
  title: string
  text: string
  open: () => void
}

function MoreRow({ testId, icon, title, text, open }: MoreRowProps) {
  return (
    <button type="button" class="more-row" data-testid={testId} onClick={open}>
      <Icon name={icon} />
      <span class="more-text">
        <span class="strong">{title}</span>
        <span class="help">{text}</span>
      </span>
      <Icon name="forward" />
    </button>
  )
}

const QrCode = lazy(() => import('../qr'))

import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { CopyField } from '../copy-field'
import { Dialog } from '../dialog'
import { lazy } from '../lazy'

/** The guest link, to send while the meeting goes on. */
export function Invite({ call, close }: { call: Call; close: () => void }) {
  const link = call.guestLink.value
  return (
    <Dialog title={t('invite.title')} close={close}>
      {link !== null && (
        <>
          <CopyField
            label={t('made.guest')}
            help={t('invite.help')}
            value={link}
            action="copy.guest"
            done="copy.doneGuest"
            testId="guest-link"
          />
          <QrCode.Part text={link} />
        </>
      )}
      <div class="actions">
        <button type="button" class="button button-secondary" onClick={close}>
          {t('common.close')}
        </button>
      </div>
    </Dialog>
  )
}

const QrCode = lazy(() => import('../qr'))

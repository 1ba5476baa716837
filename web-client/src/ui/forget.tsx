import { t } from '../i18n'
import { Dialog } from './dialog'

/** Asks before something is gone for good. */
export function Forget({ text, forget, close }: { text: string; forget: () => void; close: () => void }) {
  return (
    <Dialog title={t('rooms.forgetTitle')} close={close}>
      <p>{text}</p>
      <div class="actions">
        <button type="button" class="button button-secondary" data-testid="forget-cancel" onClick={close}>
          {t('common.cancel')}
        </button>
        <button
          type="button"
          class="button button-danger"
          data-testid="forget-confirm"
          onClick={() => {
            close()
            forget()
            // What opened this is gone with what was forgotten.
            document.querySelector('h1')?.focus()
          }}
        >
          {t('rooms.forget')}
        </button>
      </div>
    </Dialog>
  )
}

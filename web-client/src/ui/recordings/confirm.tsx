import { t } from '../../i18n'
import { Dialog } from '../dialog'

/** What a question needs. */
export interface ConfirmProps {
  title: string
  /** What will be gone. */
  text: string
  action: string
  testId: string
  act: () => void
  close: () => void
}

/** Asks before something is gone for good. */
export function Confirm({ title, text, action, testId, act, close }: ConfirmProps) {
  return (
    <Dialog title={title} close={close}>
      <p>{text}</p>
      <div class="actions">
        <button type="button" class="button button-secondary" onClick={close}>
          {t('common.cancel')}
        </button>
        <button type="button" class="button button-danger" data-testid={testId} onClick={act}>
          {action}
        </button>
      </div>
    </Dialog>
  )
}

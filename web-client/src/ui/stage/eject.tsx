import type { Participant } from '../../call/state'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Dialog } from '../dialog'
import { Icon } from '../icons'

/** Asks once before somebody is sent out, and says what that does. */
export function Eject({ call, participant, close }: { call: Call; participant: Participant; close: () => void }) {
  const { id, displayName } = participant
  const lobby = call.state.value.rules?.open.lobby === true
  return (
    <Dialog title={t('mod.ejectTitle', { name: displayName })} close={close}>
      <p>{t('mod.ejectWhat')}</p>
      <p>{t(lobby ? 'mod.ejectLobby' : 'mod.ejectLink')}</p>
      <div class="actions">
        <button type="button" class="button button-secondary" data-testid="eject-cancel" onClick={close}>
          {t('common.cancel')}
        </button>
        <button
          type="button"
          class="button button-danger"
          data-testid="eject-confirm"
          onClick={() => {
            close()
            void call.ask({ type: 'eject', participant: id })
          }}
        >
          <Icon name="leave" />
          {t('mod.ejectGo')}
        </button>
      </div>
    </Dialog>
  )
}

import type { Participant } from '../../call/state'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Dialog } from '../dialog'
import { Icon } from '../icons'
import { type Moderation, putOut } from './moderation'

/** What the dialog needs. */
export interface EjectProps {
  call: Call
  moderation: Moderation
  participant: Participant
  close: () => void
}

/** Asks once before somebody is sent out, and says what that does, and that it is done. */
export function Eject({ call, moderation, participant, close }: EjectProps) {
  const { displayName } = participant
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
            void putOut(call, moderation, participant).then((isOut) => {
              if (isOut) moderation.said.value = t('call.departed', { name: displayName })
            })
          }}
        >
          <Icon name="leave" />
          {t('mod.ejectGo')}
        </button>
      </div>
    </Dialog>
  )
}

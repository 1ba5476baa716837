// The question before leaving, for whoever would leave a class to itself or was near the keyboard's keys.

import { type Signal, useSignal } from '@preact/signals'
import type { CallState } from '../../call/state'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Dialog } from '../dialog'

/** A click on the button: leaves at once, unless that would leave others to themselves. */
export function leaveOrAsk(call: Call, leaving: Signal<boolean>): void {
  if (runsAlone(call.state.value)) leaving.value = true
  else call.leave()
}

/** The question, for the last moderator with the choice to end the meeting. */
export function LeaveQuestion({ call, leaving }: { call: Call; leaving: Signal<boolean> }) {
  const close = () => {
    leaving.value = false
  }
  return (
    <Dialog title={t('leave.title')} close={close}>
      {runsAlone(call.state.value) ? <LastModerator call={call} close={close} /> : <Again call={call} close={close} />}
    </Dialog>
  )
}

interface ChoiceProps {
  call: Call
  close: () => void
}

/** Asks once more: a key is pressed by accident sooner than a button. */
function Again({ call, close }: ChoiceProps) {
  return (
    <div class="actions">
      <button type="button" class="button button-secondary" data-testid="leave-cancel" onClick={close}>
        {t('leave.stay')}
      </button>
      <button
        type="button"
        class="button button-danger"
        data-testid="leave-confirm"
        onClick={() => {
          call.leave()
        }}
      >
        {t('call.leave')}
      </button>
    </div>
  )
}

function LastModerator({ call, close }: ChoiceProps) {
  const ending = useSignal(false)
  const failed = useSignal(false)
  const open = call.state.value.rules?.open
  const end = async () => {
    if (ending.value) return
    ending.value = true
    failed.value = !(await call.ask({ type: 'end_meeting' }))
    ending.value = false
  }
  return (
    <>
      <p>{t('leave.alone')}</p>
      <p>{t(open?.locked === true ? 'leave.endLocked' : open?.lobby === true ? 'leave.endLobby' : 'leave.endOpen')}</p>
      <div role="status">{failed.value && <p class="strong">{t('leave.notEnded')}</p>}</div>
      <div class="actions">
        <button type="button" class="button button-secondary" data-testid="leave-cancel" onClick={close}>
          {t('common.cancel')}
        </button>
        <button
          type="button"
          class="button button-secondary"
          data-testid="leave-confirm"
          onClick={() => {
            call.leave()
          }}
        >
          {t('leave.open')}
        </button>
        <button
          type="button"
          class="button button-danger"
          data-testid="leave-end"
          aria-disabled={ending.value}
          onClick={() => {
            void end()
          }}
        >
          {t('leave.end')}
        </button>
      </div>
    </>
  )
}

/** Whether others are here and no other moderator is. */
function runsAlone({ role, participants }: CallState): boolean {
  const others = participants.filter(({ isSelf, away }) => !isSelf && !away)
  return role === 'moderator' && others.length > 0 && others.every((other) => other.role === 'guest')
}

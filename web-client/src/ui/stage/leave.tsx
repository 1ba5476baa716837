// The question before leaving, for whoever would leave a class to itself or was near the keyboard's keys.

import { type Signal, useSignal } from '@preact/signals'
import { type CallState, namesOf, type ParticipantId } from '../../call/state'
import { type Call, lockRoom } from '../../call/store'
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
  /** What could not be done; `null` before it was tried. */
  const failed = useSignal<Failed | null>(null)
  const { rules, participants } = call.state.value
  const guests = participants.filter(({ role }) => role === 'guest')
  const stayed = guests.filter(({ id }) => failed.value?.stayed.has(id) === true)
  const lobby = rules?.open.lobby === true
  const end = async () => {
    if (ending.value) return
    ending.value = true
    failed.value = await putEverybodyOut(call)
    ending.value = false
    if (failed.value === null) call.leave()
  }
  return (
    <>
      <p>{t('leave.alone')}</p>
      <p>{t(lobby ? 'leave.endLobby' : 'leave.endLock')}</p>
      {guests.some(({ handle }) => handle !== null) && <p class="strong">{t('leave.endLinks')}</p>}
      <div role="status">
        {failed.value?.open === true && <p class="strong">{t('leave.notLocked')}</p>}
        {stayed.length > 0 && <p class="strong">{t('intrusion.stayed', { names: namesOf(stayed) })}</p>}
      </div>
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

interface Failed {
  /** The room could not be locked, and nobody was put out. */
  readonly open: boolean
  readonly stayed: ReadonlySet<ParticipantId>
}

/** Sends every guest out, after the lock where nothing else keeps them out. `null` when all are out. */
async function putEverybodyOut(call: Call): Promise<Failed | null> {
  const lobby = call.state.value.rules?.open.lobby === true
  if (!lobby && !(await lockRoom(call))) return { open: true, stayed: new Set() }
  const asked = new Set<ParticipantId>()
  const stayed = new Set<ParticipantId>()
  const next = () => call.state.value.participants.find(({ id, role }) => role === 'guest' && !asked.has(id))
  for (let guest = next(); guest !== undefined; guest = next()) {
    asked.add(guest.id)
    if (!(await call.ask({ type: 'eject', participant: guest.id }))) stayed.add(guest.id)
  }
  // Whoever left meanwhile is out all the same.
  const isHere = call.state.value.participants.some(({ id }) => stayed.has(id))
  return isHere ? { open: false, stayed } : null
}

/** Whether others are here and no other moderator is. */
function runsAlone({ role, participants }: CallState): boolean {
  const others = participants.filter(({ isSelf, away }) => !isSelf && !away)
  return role === 'moderator' && others.length > 0 && others.every((other) => other.role === 'guest')
}

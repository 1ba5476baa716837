// What there is to tell in the room: invitations that one's own click answers, other calm news, and
// what went wrong.

import type { Signal } from '@preact/signals'
import type { Notice, Problem } from '../../call/state'
import type { Call } from '../../call/store'
import { t, type TextKey } from '../../i18n'
import type { Rights } from '../../protocol/generated'
import { Icon, type IconName } from '../icons'
import { ProblemCard, problemHelp, problemTitle } from '../problem'
import { canShareScreen } from './screen-share'

/** What the cards need. */
export interface NoticesProps {
  call: Call
  /** Opens the reminder that comes before a shared screen. */
  reminding: Signal<boolean>
}

/** The latest things to tell, newest first: on a small screen the rest may be out of sight. */
export function StageNotices({ call, reminding }: NoticesProps) {
  const notices = [...call.state.value.notices].reverse()
  return (
    <div class="notices">
      {notices.map((notice) => (
        <Card key={notice.key} call={call} notice={notice} reminding={reminding} />
      ))}
    </div>
  )
}

function Card({ call, notice: { key, problem }, reminding }: NoticesProps & { notice: Notice }) {
  const dismiss = () => {
    call.dismissNotice(key)
  }
  const invitation = INVITATIONS[problem]
  if (invitation === undefined) {
    const icon = NEWS[problem]
    return icon === undefined ? (
      <ProblemCard problem={problem} dismiss={dismiss} />
    ) : (
      <News problem={problem} rights={call.state.value.rights} icon={icon} dismiss={dismiss} />
    )
  }
  const possible = problem !== 'screen_asked' || canShareScreen()
  return (
    <div class="problem invitation" role="alert" data-testid="invitation" data-problem={problem}>
      <Icon name={invitation.icon} />
      <div class="problem-text">
        <p class="strong">{problemTitle(problem)}</p>
        <p>{possible ? problemHelp(problem) : t('invited.noScreen')}</p>
        <div class="invitation-answers">
          {possible && (
            <button
              type="button"
              class="button button-primary"
              data-testid="invitation-accept"
              onClick={() => {
                dismiss()
                invitation.accept(call, reminding)
              }}
            >
              {t(invitation.yes)}
            </button>
          )}
          <button type="button" class="button button-secondary" data-testid="invitation-later" onClick={dismiss}>
            {t(possible ? 'invited.later' : 'common.close')}
          </button>
        </div>
      </div>
    </div>
  )
}

interface NewsProps {
  problem: Problem
  /** What the person may do now. */
  rights: Rights | null
  icon: IconName
  dismiss: () => void
}

/** Something that happened and that nobody has to mend. */
function News({ problem, rights, icon, dismiss }: NewsProps) {
  // Whoever was stopped and may not turn it on again is told what they can do instead.
  const right = STOPPED[problem]
  const isClosed = right !== undefined && rights?.[right] === false
  return (
    <div class="problem news" role="alert" data-testid="news" data-problem={problem}>
      <Icon name={icon} />
      <div class="problem-text">
        <p class="strong">{problemTitle(problem)}</p>
        <p>{problemHelp(isClosed ? `${right}_forbidden` : problem)}</p>
      </div>
      <button type="button" class="button button-icon" aria-label={t('notice.dismiss')} onClick={dismiss}>
        <Icon name="close" />
      </button>
    </div>
  )
}

interface Invitation {
  readonly icon: IconName
  readonly yes: TextKey
  readonly accept: (call: Call, reminding: Signal<boolean>) => void
}

const INVITATIONS: Partial<Record<Problem, Invitation>> = {
  microphone_asked: {
    icon: 'microphone',
    yes: 'invited.microphone',
    accept: (call) => {
      call.setMicrophone(true)
    },
  },
  camera_asked: {
    icon: 'camera',
    yes: 'invited.camera',
    accept: (call) => {
      call.openCameraPreview()
    },
  },
  screen_asked: {
    icon: 'screen',
    yes: 'invited.screen',
    accept: (_, reminding) => {
      reminding.value = true
    },
  },
}

const STOPPED: Partial<Record<Problem, 'microphone' | 'camera'>> = {
  microphone_stopped: 'microphone',
  camera_stopped: 'camera',
}

const NEWS: Partial<Record<Problem, IconName>> = {
  microphone_stopped: 'microphoneOff',
  camera_stopped: 'cameraOff',
  screen_stopped: 'screenStop',
  microphone_forbidden: 'microphoneOff',
  camera_forbidden: 'cameraOff',
  screen_forbidden: 'screen',
  moderator_appeared: 'shield',
  role_given: 'shield',
  role_taken: 'shield',
}

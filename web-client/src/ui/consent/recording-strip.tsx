// The lasting mark of a recording, for everybody, and what becomes of oneself in it.

import { isHeldBack } from '../../call/recording'
import type { CallState } from '../../call/state'
import type { Call } from '../../call/store'
import { t, type TextKey } from '../../i18n'
import { download } from '../download'
import { Icon } from '../icons'
import { nameOfAsker } from './consent-banner'

/** One line under the bar, for as long as a recording runs. */
export function RecordingStrip({ call, review }: { call: Call; review: () => void }) {
  const { recording, role } = call.state.value
  const reach = reachOf(call.state.value)
  const { info, chosen, settled, receipt, counts } = recording
  return (
    <div class="recording-place">
      {/* Read when it begins and when it ends; the rest of the line by whoever looks at it. */}
      <p class="visually-hidden" role="status" data-testid="recording-news">
        {info !== null && `${t('recording.running')}. ${chosen === 'none' ? t('consent.waits', { name: nameOfAsker(info, call) }) : ''}`}
        {isHeldBack(recording) && t('consent.held')}
      </p>
      {info !== null && (
        <div class="recording" role="group" aria-label={t('recording.running')}>
          <p class="recording-mark" data-testid="recording-mark">
            <span class="recording-dot" aria-hidden="true" />
            {t('recording.running')}
          </p>
          <p
            class="recording-own"
            data-testid="recording-own"
            data-recorded={String(settled === 'accepted' && reach !== 'group')}
            data-held={String(isHeldBack(recording))}
          >
            {t(ownText(call.state.value, reach))}
          </p>
          {role === 'moderator' && counts !== null && (
            <p class="recording-counts" data-testid="recording-counts">
              {t('recording.counts', { ...counts })}
            </p>
          )}
          <div class="recording-actions">
            {chosen === 'accepted' && (
              <button
                type="button"
                class="strip-action"
                data-testid="consent-withdraw"
                onClick={() => {
                  call.answerRecording(false)
                }}
              >
                {t('consent.withdraw')}
              </button>
            )}
            {(chosen === 'refused' || chosen === 'withdrawn') && (
              <button type="button" class="strip-action" data-testid="consent-review" onClick={review}>
                {t('consent.review')}
              </button>
            )}
            {receipt !== null && chosen !== 'none' && <ReceiptButton receipt={receipt} />}
            {role === 'moderator' && (
              <button
                type="button"
                class="strip-action recording-stop"
                data-testid="record-stop"
                aria-label={t('recording.stop')}
                onClick={() => {
                  void call.ask({ type: 'stop_recording' })
                }}
              >
                {t('recording.stopShort')}
              </button>
            )}
          </div>
        </div>
      )}
    </div>
  )
}

/** Hands the person their own answer, as the server signed it. */
export function ReceiptButton({ receipt }: { receipt: string }) {
  return (
    <button
      type="button"
      class="strip-action"
      data-testid="consent-receipt"
      onClick={() => {
        download(t('consent.receiptFile'), 'application/json', receipt)
      }}
    >
      <Icon name="download" />
      {t('consent.receipt')}
    </button>
  )
}

/** Whom one's own voice and camera are for. */
type Reach = 'everybody' | 'but_camera' | 'group'

function reachOf({ participants, moderatorsOnly }: CallState): Reach {
  const group = participants.find(({ isSelf }) => isSelf)?.group ?? null
  if (group !== null) return 'group'
  return moderatorsOnly ? 'but_camera' : 'everybody'
}

function ownText(state: CallState, reach: Reach): TextKey {
  const { chosen, settled } = state.recording
  if (isHeldBack(state.recording)) return 'consent.held'
  if (chosen !== settled) return 'consent.onItsWay'
  if (settled === 'none') return 'consent.notRecorded'
  return settled === 'accepted' ? RECORDED[reach](state) : 'consent.refused'
}

/** What is taken of whoever accepted: nothing of what is off. */
const RECORDED: Record<Reach, (state: CallState) => TextKey> = {
  everybody: ({ microphone, camera, screen }) => {
    const pictured = camera === 'on' || screen === 'on'
    if (microphone === 'on') return pictured ? 'consent.recorded' : 'consent.recordedVoice'
    return pictured ? 'consent.recordedPicture' : 'consent.recordedOff'
  },
  but_camera: ({ microphone, camera, screen }) => {
    if (microphone === 'on') return 'consent.butCamera'
    if (screen === 'on') return 'consent.recordedPicture'
    return camera === 'on' ? 'consent.butCameraOff' : 'consent.recordedOff'
  },
  group: () => 'consent.inGroup',
}

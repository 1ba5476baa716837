import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Icon } from '../icons'
import { ReceiptButton } from './recording-strip'

/** Says that nothing is recorded any more, and why, until it is put away. */
export function RecordingEnded({ call }: { call: Call }) {
  const { ended, receipt } = call.state.value.recording
  if (ended === null) return null
  const fault = ended === 'disk_full' || ended === 'failed'
  return (
    <div class={fault ? 'problem' : 'problem news'} role="alert" data-testid="recording-ended" data-end={ended}>
      <Icon name={fault ? 'alert' : 'record'} />
      <div class="problem-text">
        <p class="strong">{t(`recording.end.${ended}`)}</p>
        {fault && <p>{t('recording.endKept')}</p>}
        {receipt !== null && <ReceiptButton receipt={receipt} />}
      </div>
      <button
        type="button"
        class="button button-icon"
        aria-label={t('notice.dismiss')}
        data-testid="recording-ended-close"
        onClick={() => {
          call.putAwayRecording()
        }}
      >
        <Icon name="close" />
      </button>
    </div>
  )
}

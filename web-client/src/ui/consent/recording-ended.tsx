import { useEffect, useRef } from 'preact/hooks'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Icon } from '../icons'
import { ReceiptButton } from './recording-strip'

/** How long an ordinary end is told. Lower: slow readers miss it; higher: it covers tiles for longer. */
export const TOLD_MS = 15_000

/** Says that nothing is recorded any more, and why, until it is put away: a fault by a click alone. */
export function RecordingEnded({ call }: { call: Call }) {
  const place = useRef<HTMLDivElement>(null)
  const { ended, receipt } = call.state.value.recording
  const fault = ended === 'disk_full' || ended === 'failed'
  const goes = ended !== null && !fault
  useEffect(() => {
    if (!goes) return undefined
    const timer = setInterval(() => {
      // Whoever is about to use it keeps it.
      const isUsed = place.current?.matches(':hover') === true || place.current?.contains(document.activeElement) === true
      if (!isUsed) call.putAwayRecording()
    }, TOLD_MS)
    return () => {
      clearInterval(timer)
    }
  }, [goes, call])
  if (ended === null) return null
  return (
    <div ref={place} class={fault ? 'problem' : 'problem news'} role="alert" data-testid="recording-ended" data-end={ended}>
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

// The room cannot be hidden here. Nothing is revealed for that: the person chooses.

import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Icon } from '../icons'

/** Says so, and asks what to do. */
export function MaskingTrouble({ call }: { call: Call }) {
  const { care } = call
  const masking = care.masking.value
  if (masking !== 'too_slow' && masking !== 'failed') return null
  return (
    <div class="problem problem-waiting" role="alert" data-testid="masking-trouble" data-masking={masking}>
      <Icon name="alert" />
      <div class="problem-text">
        <p class="strong">{t(masking === 'too_slow' ? 'care.tooSlow' : 'care.failed')}</p>
        <p>{t(masking === 'too_slow' ? 'care.tooSlowHelp' : 'care.failedHelp')}</p>
        <div class="care-answers">
          <button
            type="button"
            class="button button-secondary"
            data-testid="masking-camera-off"
            onClick={() => {
              if (call.deviceCheck.value === null) call.turnCameraOff()
              else call.endDeviceCheck()
            }}
          >
            {t('care.cameraOff')}
          </button>
          <button
            type="button"
            class="button button-secondary"
            data-testid="masking-retry"
            onClick={() => {
              care.setBackground(care.background.value)
            }}
          >
            {t('common.retry')}
          </button>
          <button
            type="button"
            class="button button-secondary"
            data-testid="masking-off"
            onClick={() => {
              care.setBackground('none')
            }}
          >
            {t('care.showRoom')}
          </button>
        </div>
      </div>
    </div>
  )
}

// The optional look at one's own camera and microphone before joining. Nothing is sent.

import { useId } from 'preact/hooks'
import { EarlyCall } from '../call/early'
import type { Call } from '../call/store'
import { t } from '../i18n'
import { Icon } from './icons'
import { lazy } from './lazy'

/** The button that starts the check, or the check. */
export function DeviceCheck({ call }: { call: Call | EarlyCall }) {
  const id = useId()
  const check = call instanceof EarlyCall ? null : call.deviceCheck.value
  if (call instanceof EarlyCall || check === null) {
    return (
      <button
        type="button"
        class="button button-secondary check-open"
        data-testid="check-devices"
        onClick={() => {
          call.checkDevices()
        }}
      >
        <Icon name="camera" />
        {t('check.open')}
      </button>
    )
  }
  return (
    <section class="card check" aria-labelledby={id}>
      <h2 id={id}>{t('check.title')}</h2>
      <p class="help">{t('check.private')}</p>
      {check.opening && <p role="status">{t('check.opening')}</p>}
      <CheckedDevices.Part call={call} />
      <button
        type="button"
        class="button button-secondary"
        onClick={() => {
          call.endDeviceCheck()
        }}
      >
        {t('check.stop')}
      </button>
    </section>
  )
}

const CheckedDevices = lazy(() => import('./care/checked-devices'))

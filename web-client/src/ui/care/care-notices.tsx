// What the own devices have to say over the pictures.

import type { Signal } from '@preact/signals'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Icon } from '../icons'
import { MaskingTrouble } from './masking-trouble'
import '../../styles/care.css'

/** The room cannot be hidden, or the microphone gives no sound; `devices` opens what helps. */
export function CareNotices({ call, devices }: { call: Call; devices: Signal<boolean> }) {
  const { care } = call
  return (
    <>
      {call.state.value.camera === 'on' && !devices.value && <MaskingTrouble call={call} />}
      <div role="status">
        {call.state.value.microphone === 'on' && care.unheard.value && (
          <div class="problem problem-waiting" data-testid="microphone-unheard">
            <Icon name="microphoneOff" />
            <div class="problem-text">
              <p class="strong">{t('care.unheard')}</p>
              <p>{t('care.unheardHelp')}</p>
              <div class="care-answers">
                <button
                  type="button"
                  class="button button-secondary"
                  data-testid="microphone-unheard-open"
                  onClick={() => {
                    devices.value = true
                  }}
                >
                  {t('care.unheardOpen')}
                </button>
              </div>
            </div>
            <button
              type="button"
              class="button button-icon"
              data-testid="microphone-unheard-dismiss"
              aria-label={t('notice.dismiss')}
              onClick={() => {
                care.dismissUnheard()
              }}
            >
              <Icon name="close" />
            </button>
          </div>
        )}
      </div>
    </>
  )
}

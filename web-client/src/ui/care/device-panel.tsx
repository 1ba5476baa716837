// Camera and microphone during the call: what may be settled about them, in one place.

import type { Signal } from '@preact/signals'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Dialog } from '../dialog'
import { Icon } from '../icons'
import { BackgroundChoice } from './background-choice'
import { InputChoice } from './input-choice'
import { OwnPicture } from './own-picture'
import { SoundChoice } from './sound-choice'

/** The panel, while `open` says so. */
export function DevicePanel({ call, open }: { call: Call; open: Signal<boolean> }) {
  const { care } = call
  const { microphone, rules } = call.state.value
  if (!open.value) return null
  const close = () => {
    open.value = false
  }
  return (
    <Dialog title={t('care.title')} close={close}>
      <div class="device-panel" data-testid="device-panel">
        {rules?.video !== false && <Picture call={call} />}
        <h3 class="care-title">{t('care.sound')}</h3>
        <SoundChoice care={care} open={microphone === 'on'} />
      </div>
      <div class="dialog-foot actions">
        <button type="button" class="button button-primary" data-testid="device-panel-close" onClick={close}>
          {t('common.close')}
        </button>
      </div>
    </Dialog>
  )
}

/** The camera, where the room has pictures. */
function Picture({ call }: { call: Call }) {
  const { care } = call
  return (
    <>
      {call.state.value.camera === 'on' ? (
        <OwnPicture call={call} mirrored testId="own-picture" />
      ) : (
        <>
          <p class="reassure">
            <Icon name="cameraOff" />
            {t('care.cameraIsOff')}
          </p>
          <BackgroundChoice care={care} />
        </>
      )}
      <InputChoice care={care} kind="camera" />
    </>
  )
}

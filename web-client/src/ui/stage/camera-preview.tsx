import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Countdown } from '../countdown'
import { OnlyTeacherSwitch } from '../class/only-teacher'
import { Video } from '../video'

/** One's own picture before anybody else sees it. */
export function CameraPreview({ call }: { call: Call }) {
  if (call.state.value.camera !== 'preview') return null
  return (
    <Countdown
      title={t('camera.previewTitle')}
      confirm={t('camera.confirm')}
      icon="camera"
      texts={['camera.counting', 'camera.waiting']}
      name="camera"
      go={() => {
        call.confirmCamera()
      }}
      cancel={() => {
        call.cancelCameraPreview()
      }}
    >
      <div class="frame">
        <Video stream={call.cameraPreview} label={t('check.video')} testId="camera-preview" />
      </div>
      <p>{t('camera.previewHelp')}</p>
      <OnlyTeacherSwitch call={call} />
    </Countdown>
  )
}

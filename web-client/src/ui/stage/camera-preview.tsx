import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { InputChoice } from '../care/input-choice'
import { OwnPicture } from '../care/own-picture'
import { Countdown } from '../countdown'
import { OnlyTeacherSwitch } from '../class/only-teacher'

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
      <p>{t('camera.previewHelp')}</p>
      <OwnPicture call={call} testId="camera-preview">
        <OnlyTeacherSwitch call={call} />
      </OwnPicture>
      <InputChoice care={call.care} kind="camera" />
    </Countdown>
  )
}

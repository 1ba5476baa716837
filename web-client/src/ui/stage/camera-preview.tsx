import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Dialog } from '../dialog'
import { Icon } from '../icons'
import { Video } from '../video'

/** One's own picture before anybody else sees it. */
export function CameraPreview({ call }: { call: Call }) {
  if (call.state.value.camera !== 'preview') return null
  return (
    <Dialog
      title={t('camera.previewTitle')}
      close={() => {
        call.cancelCameraPreview()
      }}
    >
      <div class="frame">
        <Video stream={call.previewFor('camera')} label={t('check.video')} mirrored testId="camera-preview" />
      </div>
      <p>{t('camera.previewHelp')}</p>
      <div class="actions">
        <button
          type="button"
          class="button button-secondary"
          data-testid="camera-cancel"
          onClick={() => {
            call.cancelCameraPreview()
          }}
        >
          {t('common.cancel')}
        </button>
        <button
          type="button"
          class="button button-primary"
          data-testid="camera-confirm"
          onClick={() => {
            call.confirmCamera()
          }}
        >
          <Icon name="camera" />
          {t('camera.confirm')}
        </button>
      </div>
    </Dialog>
  )
}

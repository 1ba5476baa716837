// Waiting to be let in. Nothing is known of the room, and nothing is opened.

import type { Call } from '../call/store'
import { t } from '../i18n'
import { DeviceCheck } from './device-check'
import { Icon } from './icons'
import { Notices } from './problem'
import { Screen } from './screen'

/** The page between "join" and the room, where the room has a lobby. */
export function WaitingRoom({ call }: { call: Call }) {
  return (
    <Screen name="prejoin" title={t('waiting.title')}>
      <div class="card stack" data-testid="lobby-waiting" role="status">
        <p class="lead">{t('waiting.told')}</p>
        <p class="reassure">
          <Icon name="cameraOff" />
          {t('waiting.nothingSent')}
        </p>
      </div>
      <Notices call={call} />
      <DeviceCheck call={call} />
      <button
        type="button"
        class="button button-secondary"
        data-testid="leave"
        onClick={() => {
          call.leave()
        }}
      >
        <Icon name="leave" />
        {t('waiting.leave')}
      </button>
    </Screen>
  )
}

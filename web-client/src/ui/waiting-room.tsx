// Waiting to be let in. Nothing is known of the room, and nothing is opened.

import type { Call } from '../call/store'
import { t } from '../i18n'
import { DeviceCheck } from './device-check'
import { Icon } from './icons'
import { Notices } from './problem'
import { Screen } from './screen'

/** The page between "join" and the room, where the room has a lobby. */
export function WaitingRoom({ call }: { call: Call }) {
  const { connection } = call.state.value
  const lost = connection === 'reconnecting' || connection === 'server_restarting' ? connection : null
  return (
    <Screen name="prejoin" title={t('waiting.title')}>
      <div class="card stack" data-testid="lobby-waiting" role="status">
        {lost === null ? (
          <p class="lead">{t('waiting.told')}</p>
        ) : (
          <p class="problem problem-waiting" data-testid="connection-state" data-state={lost}>
            <Icon name="signal" />
            {t(lost === 'reconnecting' ? 'waiting.reconnecting' : 'waiting.restarting')}
          </p>
        )}
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

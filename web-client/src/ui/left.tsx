import type { Phase } from '../call/state'
import { t } from '../i18n'
import { Icon } from './icons'
import { Picture } from './picture'
import { Screen } from './screen'

/** The calm last page. */
export function Left({ reason }: { reason: Extract<Phase, { name: 'left' }>['reason'] }) {
  return (
    <Screen name="left" title={t(`left.title.${reason}`)} before={<Picture empty />}>
      <div class="stack" data-testid="left-page">
        <p class="lead">{t('left.closed')}</p>
        {reason !== 'room_ended' && reason !== 'replaced' && (
          <button
            type="button"
            class="button button-secondary"
            data-testid="rejoin"
            onClick={() => {
              location.reload()
            }}
          >
            <Icon name="retry" />
            {t('left.rejoin')}
          </button>
        )}
        <p class="soft">{t('left.advice')}</p>
      </div>
    </Screen>
  )
}

import type { Phase } from '../call/state'
import { inLanguage, t } from '../i18n'
import { Icon } from './icons'
import { Picture } from './picture'
import { Screen } from './screen'

/** The calm last page. */
export function Left({ reason, note }: Omit<Extract<Phase, { name: 'left' }>, 'name'>) {
  return (
    <Screen name="left" title={t(`left.title.${reason}`)} before={<Picture empty />}>
      <div class="stack" data-testid="left-page">
        {reason === 'meeting_ended' && <p class="lead">{t('left.byModerator')}</p>}
        <p class="lead">{t('left.closed')}</p>
        {note !== null && (
          <blockquote class="card">
            <p>{note}</p>
          </blockquote>
        )}
        {RETURNABLE.has(reason) && (
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
        {OVER.has(reason) && (
          <a class="button button-secondary" href={inLanguage('/')} data-testid="left-home">
            {t('common.home')}
          </a>
        )}
        <p class="soft">{t('left.advice')}</p>
      </div>
    </Screen>
  )
}

/** Where coming back makes sense. */
const RETURNABLE: ReadonlySet<string> = new Set(['left', 'server_restart'])
/** Where nobody is there to come back to. */
const OVER: ReadonlySet<string> = new Set(['meeting_ended', 'room_ended'])

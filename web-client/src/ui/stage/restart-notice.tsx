import { useMemo } from 'preact/hooks'
import type { Call } from '../../call/store'
import { language, t } from '../../i18n'
import { Icon } from '../icons'

/** One calm line: until when the meeting can go on before the server restarts. */
export function RestartNotice({ call }: { call: Call }) {
  const { restartsAt } = call.state.value
  return (
    <div class="strip" role="status">
      {restartsAt !== null && <Line restartsAt={restartsAt} />}
    </div>
  )
}

function Line({ restartsAt }: { restartsAt: number }) {
  // Once for one announcement: the clock of the day may be set while the meeting goes on.
  const at = useMemo(() => Date.now() + restartsAt - performance.now(), [restartsAt])
  const time = new Intl.DateTimeFormat(language.value, { timeStyle: 'short' }).format(at)
  return (
    <p class="strip-item" data-testid="restart-notice">
      <Icon name="timer" />
      <span>{t('restart.announced', { time })}</span>
    </p>
  )
}

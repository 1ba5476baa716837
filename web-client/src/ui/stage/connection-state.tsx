import type { Call } from '../../call/store'
import { t } from '../../i18n'

/** State of the connection in plain words: quiet while all is well. */
export function ConnectionState({ call }: { call: Call }) {
  const { connection } = call.state.value
  return (
    <p class="connection" role="status" data-testid="connection-state" data-state={connection}>
      {t(`connection.${connection}`)}
    </p>
  )
}

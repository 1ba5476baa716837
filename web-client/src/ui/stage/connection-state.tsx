import { useSignal } from '@preact/signals'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Icon } from '../icons'
import { lazy } from '../lazy'

/** State of the connection in plain words, quiet while all is well, and the way to its numbers. */
export function ConnectionState({ call }: { call: Call }) {
  const open = useSignal(false)
  const { connection, saving } = call.state.value
  const close = () => {
    open.value = false
  }
  return (
    <>
      <p class="connection" role="status" data-testid="connection-state" data-state={connection}>
        <span>{t(`connection.${connection}`)}</span>
      </p>
      <button
        type="button"
        class="button button-quiet connection-open"
        data-testid="diagnostics-open"
        data-saving={String(saving)}
        aria-label={saving ? `${t('saving.title')}. ${t('diagnostics.open')}` : t('diagnostics.open')}
        onClick={() => {
          open.value = true
        }}
      >
        <Icon name="signal" />
        {saving && <span aria-hidden="true">{t('saving.title')}</span>}
      </button>
      {open.value && <Diagnostics.Part call={call} close={close} />}
    </>
  )
}

const Diagnostics = lazy(() => import('./diagnostics'))

import { useId } from 'preact/hooks'
import type { Call } from '../call/store'
import { t } from '../i18n'

/** Asks for as little as a meeting needs, before and in the room. */
export function SavingSwitch({ call }: { call: Call }) {
  const id = useId()
  const { saving } = call.state.value
  return (
    <div class="saving">
      <button
        type="button"
        class="button button-secondary saving-switch"
        role="switch"
        aria-checked={saving}
        aria-describedby={id}
        data-testid="saving-switch"
        onClick={() => {
          call.setSaving(!saving)
        }}
      >
        <span class="saving-knob" aria-hidden="true" />
        {t('saving.title')}
        <span class="saving-state" aria-hidden="true">
          {t(saving ? 'saving.on' : 'saving.off')}
        </span>
      </button>
      <p id={id} class="help">
        {t('saving.help')}
      </p>
    </div>
  )
}

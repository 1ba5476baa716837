import { useId } from 'preact/hooks'
import type { Call } from '../../call/store'
import { t } from '../../i18n'

/** Lets the moderators alone receive the own camera. The server holds it back from everybody else;
 * each person decides it for themselves. */
export function OnlyTeacherSwitch({ call }: { call: Call }) {
  const id = useId()
  const { moderatorsOnly, role } = call.state.value
  if (role !== 'guest') return null
  return (
    <div class="saving">
      <button
        type="button"
        class="button button-secondary saving-switch"
        role="switch"
        aria-checked={moderatorsOnly}
        aria-describedby={id}
        data-testid="only-teacher"
        onClick={() => {
          call.setModeratorsOnly(!moderatorsOnly)
        }}
      >
        <span class="saving-knob" aria-hidden="true" />
        {t('only.title')}
      </button>
      <p id={id} class="help">
        {t(moderatorsOnly ? 'only.on' : 'only.off')}
      </p>
    </div>
  )
}

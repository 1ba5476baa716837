import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Switch } from '../switch'

/** Lets the moderators alone receive the own camera. The server holds it back from everybody else;
 * each person decides it for themselves. */
export function OnlyTeacherSwitch({ call }: { call: Call }) {
  const { moderatorsOnly, role } = call.state.value
  // Whoever was given the role while hidden can still end that.
  if (role !== 'guest' && !moderatorsOnly) return null
  return (
    <Switch
      testId="only-teacher"
      label={t('only.title')}
      help={t(moderatorsOnly ? 'only.on' : 'only.off')}
      on={moderatorsOnly}
      toggle={() => {
        call.setModeratorsOnly(!moderatorsOnly)
      }}
    />
  )
}

import type { EarlyCall } from '../call/early'
import type { Call } from '../call/store'
import { t } from '../i18n'
import { Switch } from './switch'

/** Asks for as little as a meeting needs, before and in the room. */
export function SavingSwitch({ call }: { call: Call | EarlyCall }) {
  const { saving } = call.state.value
  return (
    <Switch
      testId="saving-switch"
      label={t('saving.title')}
      help={t('saving.help')}
      on={saving}
      toggle={() => {
        call.setSaving(!saving)
      }}
    />
  )
}

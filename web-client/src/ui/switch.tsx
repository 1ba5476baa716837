import { useId } from 'preact/hooks'
import { t } from '../i18n'

/** What a switch needs. */
export interface SwitchProps {
  testId: string
  label: string
  /** What it means to turn it on. */
  help: string
  on: boolean
  toggle: () => void
}

/** Something that is on or off, with its sentence. */
export function Switch({ testId, label, help, on, toggle }: SwitchProps) {
  const id = useId()
  return (
    <div class="switch">
      <button
        type="button"
        class="button button-secondary switch-button"
        role="switch"
        aria-checked={on}
        aria-describedby={id}
        data-testid={testId}
        onClick={toggle}
      >
        <span class="switch-knob" aria-hidden="true" />
        {label}
        <span class="switch-state" aria-hidden="true">
          {t(on ? 'common.on' : 'common.off')}
        </span>
      </button>
      <p id={id} class="help">
        {help}
      </p>
    </div>
  )
}

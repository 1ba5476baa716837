import { useId } from 'preact/hooks'

/** What a switch needs. */
export interface RuleSwitchProps {
  testId: string
  label: string
  /** A sentence below it. */
  help?: string
  on: boolean
  flip: (on: boolean) => void
}

/** Something that is on or off, over the whole width, with its name first. */
export function RuleSwitch({ testId, label, help, on, flip }: RuleSwitchProps) {
  const id = useId()
  return (
    <div class="rule-switch">
      <button
        type="button"
        class="rule-button"
        role="switch"
        aria-checked={on}
        aria-describedby={help === undefined ? undefined : id}
        data-testid={testId}
        onClick={() => {
          flip(!on)
        }}
      >
        <span>{label}</span>
        <span class="rule-knob" aria-hidden="true" />
      </button>
      {help !== undefined && (
        <p id={id} class="help">
          {help}
        </p>
      )}
    </div>
  )
}

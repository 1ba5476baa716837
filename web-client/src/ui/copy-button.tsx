import { useEffect, useRef } from 'preact/hooks'
import { t } from '../i18n'
import { useCopy } from './copy'
import { Icon } from './icons'

/** What a button to copy by needs. */
export interface CopyButtonProps {
  /** What is copied; it is not shown unless the browser refuses to copy. */
  value: string
  /** Name of the button. */
  label: string
  /** Said when it is copied. */
  done: string
  testId: string
  /** Only an icon, where the name stands beside it. */
  compact?: boolean
  primary?: boolean
}

/** Copies a text that need not be seen. */
export function CopyButton({ value, label, done, testId, compact = false, primary = false }: CopyButtonProps) {
  const field = useRef<HTMLTextAreaElement>(null)
  const { copy, outcome } = useCopy(value, () => undefined)
  useEffect(() => {
    field.current?.focus()
    field.current?.select()
  }, [outcome.value])
  // Another text has not been copied yet.
  useEffect(() => {
    outcome.value = 'none'
  }, [value])
  const shape = compact ? 'button-icon' : primary ? 'button-primary' : 'button-secondary'
  return (
    <span class="copy-button">
      <button type="button" class={`button ${shape}`} data-testid={testId} aria-label={label} onClick={copy}>
        <Icon name={outcome.value === 'copied' ? 'check' : 'copy'} />
        {!compact && <span aria-hidden="true">{label}</span>}
      </button>
      {outcome.value === 'selected' && (
        <textarea ref={field} class="field" readOnly rows={3} spellcheck={false} aria-label={label} value={value} />
      )}
      <span class={outcome.value === 'selected' ? 'help' : 'visually-hidden'} role="status">
        {outcome.value === 'copied' && done}
        {outcome.value === 'selected' && t('copy.textSelected')}
      </span>
    </span>
  )
}

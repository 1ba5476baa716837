import { useId, useRef } from 'preact/hooks'
import { t, type TextKey } from '../i18n'
import { useCopy } from './copy'
import { Icon } from './icons'

/** What a field to copy from needs. */
export interface CopyFieldProps {
  label: string
  help: string
  value: string
  /** Name of the copy button. */
  action: TextKey
  /** Said when it is copied. */
  done: TextKey
  testId: string
  /** Marks a text that is not for everybody. */
  secret?: boolean
}

/** A text one can select or copy by a button. */
export function CopyField({ label, help, value, action, done, testId, secret = false }: CopyFieldProps) {
  const id = useId()
  const field = useRef<HTMLInputElement>(null)
  const { copy, outcome } = useCopy(value, () => {
    field.current?.focus()
    field.current?.select()
  })
  return (
    <div class={secret ? 'copy-field copy-field-secret' : 'copy-field'}>
      <label for={id}>
        {secret && <Icon name="key" />}
        {label}
      </label>
      <p id={`${id}-help`} class="help">
        {help}
      </p>
      <div class="copy-row">
        <input
          ref={field}
          id={id}
          class="field"
          type="text"
          readOnly
          spellcheck={false}
          value={value}
          data-testid={testId}
          aria-describedby={`${id}-help`}
          onFocus={() => field.current?.select()}
        />
        <button
          type="button"
          class="button button-secondary"
          data-testid={`${testId}-copy`}
          aria-label={t(action)}
          onClick={copy}
        >
          <Icon name={outcome.value === 'copied' ? 'check' : 'copy'} />
          <span aria-hidden="true">{t(outcome.value === 'copied' ? 'common.copied' : 'common.copy')}</span>
        </button>
      </div>
      <p class={outcome.value === 'selected' ? 'help' : 'visually-hidden'} role="status">
        {outcome.value === 'copied' && t(done)}
        {outcome.value === 'selected' && t('copy.selected')}
      </p>
    </div>
  )
}

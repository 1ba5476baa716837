import { useRef } from 'preact/hooks'
import { t, type TextKey } from '../i18n'
import { useCopy } from './copy'
import { Icon } from './icons'

/** What a text to copy needs. */
export interface CopyTextProps {
  /** Names the text for screen readers. */
  label: string
  value: string
  /** Name of the copy button. */
  action: TextKey
  /** Said when it is copied. */
  done: TextKey
  testId: string
}

/** Several lines one can select or copy by a button. */
export function CopyText({ label, value, action, done, testId }: CopyTextProps) {
  const text = useRef<HTMLPreElement>(null)
  const { copy, outcome } = useCopy(value, () => {
    if (text.current !== null) getSelection()?.selectAllChildren(text.current)
  })
  return (
    <div class="copy-text">
      <pre ref={text} class="report" aria-label={label} role="group" data-testid={testId}>
        {value}
      </pre>
      <button type="button" class="button button-secondary" data-testid={`${testId}-copy`} onClick={copy}>
        <Icon name={outcome.value === 'copied' ? 'check' : 'copy'} />
        {t(action)}
      </button>
      <p class={outcome.value === 'selected' ? 'help' : 'visually-hidden'} role="status">
        {outcome.value === 'copied' && t(done)}
        {outcome.value === 'selected' && t('copy.textSelected')}
      </p>
    </div>
  )
}

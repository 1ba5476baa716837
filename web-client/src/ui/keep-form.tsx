import { useSignal } from '@preact/signals'
import { useEffect, useId, useRef } from 'preact/hooks'
import { inLanguage, t } from '../i18n'
import type { KeepOutcome } from '../keep'
import { MAX_LABEL_CHARS, tidy } from '../kept-rooms'
import { Icon } from './icons'

/** Keeps a room in this browser under a title, by the teacher's own click. */
export function KeepForm({ kept, keep }: { kept: boolean; keep: (title: string) => KeepOutcome }) {
  const id = useId()
  const title = useSignal('')
  const fault = useSignal<Exclude<KeepOutcome, 'kept'> | 'title' | null>(null)
  const done = useRef<HTMLParagraphElement>(null)
  const before = useRef(kept)
  useEffect(() => {
    // The form that had the focus is gone.
    if (kept && !before.current) done.current?.focus()
    before.current = kept
  }, [kept])
  if (kept) {
    return (
      <p ref={done} class="kept" role="status" tabIndex={-1} data-testid="kept">
        <Icon name="check" />
        <span>
          {t('keep.done')}{' '}
          <a href={inLanguage('/rooms')} target="_blank" rel="noopener">
            {t('keep.see')}
          </a>
        </span>
      </p>
    )
  }
  return (
    <form
      class="stack keep-form"
      onSubmit={(event) => {
        event.preventDefault()
        const tidied = tidy(title.value)
        const outcome = tidied === '' ? 'title' : keep(tidied)
        fault.value = outcome === 'kept' ? null : outcome
      }}
    >
      <div class="form-line">
        <label for={id}>{t('keep.title')}</label>
        <input
          id={id}
          class="field"
          type="text"
          maxLength={MAX_LABEL_CHARS}
          autocomplete="off"
          data-testid="keep-title"
          aria-describedby={`${id}-help`}
          value={title}
          onInput={(event) => {
            title.value = event.currentTarget.value
          }}
        />
        <p id={`${id}-help`} class="help">
          {t('keep.help')}
        </p>
      </div>
      <button type="submit" class="button button-secondary" data-testid="keep">
        <Icon name="check" />
        {t('keep.action')}
      </button>
      {fault.value !== null && (
        <p class="aside" role="alert">
          {t(`keep.fault.${fault.value}`)}
        </p>
      )}
    </form>
  )
}

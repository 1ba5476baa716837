import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { t } from '../../i18n'
import { Icon } from '../icons'

/** The field for another pseudonym, in place of the present one. */
export function RenameForm({ name, save, cancel }: { name: string; save: (name: string) => void; cancel: () => void }) {
  const field = useRef<HTMLInputElement>(null)
  const typed = useSignal(name)
  useEffect(() => {
    field.current?.focus()
    field.current?.select()
  }, [])
  return (
    <form
      class="rename"
      onSubmit={(event) => {
        event.preventDefault()
        const next = typed.value.trim()
        if (next === '' || next === name) cancel()
        else save(next)
      }}
    >
      <input
        ref={field}
        class="field"
        type="text"
        maxLength={40}
        autocomplete="off"
        spellcheck={false}
        data-testid="rename-field"
        aria-label={t('people.newName')}
        value={typed}
        onInput={(event) => {
          typed.value = event.currentTarget.value
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return
          event.stopPropagation()
          cancel()
        }}
      />
      <button type="submit" class="button button-icon" data-testid="rename-save" aria-label={t('people.save')}>
        <Icon name="check" />
      </button>
      <button type="button" class="button button-icon" aria-label={t('common.cancel')} onClick={cancel}>
        <Icon name="close" />
      </button>
    </form>
  )
}

// A room is end-to-end encrypted unless its teacher says otherwise, on purpose and knowing what it means.

import type { Signal } from '@preact/signals'
import { useId } from 'preact/hooks'
import { inLanguage, t } from '../../i18n'
import { Icon } from '../icons'
import '../../styles/encryption.css'

/** What the room to be made will be, and the way out behind one more click. */
export function EncryptionChoice({ encrypted }: { encrypted: Signal<boolean> }) {
  const id = useId()
  return (
    <details class="encryption-choice" data-encrypted={encrypted.value}>
      <summary data-testid="encryption-more">
        <Icon name={encrypted.value ? 'lock' : 'unlocked'} />
        <span>{t(encrypted.value ? 'e2ee.choice.with' : 'e2ee.choice.without')}</span>
      </summary>
      <div class="stack encryption-more">
        <p class="help">{t('e2ee.choice.what')}</p>
        <div class="encryption-check">
          <input
            id={id}
            type="checkbox"
            data-testid="unencrypted"
            aria-describedby={`${id}-help`}
            checked={!encrypted.value}
            onChange={(event) => {
              encrypted.value = !event.currentTarget.checked
            }}
          />
          <label for={id}>{t('e2ee.choice.none')}</label>
        </div>
        <p id={`${id}-help`} class="help">
          {t('e2ee.choice.noneHelp')}
        </p>
        <p>
          <a href={inLanguage('/chiffrement')} target="_blank" rel="noopener">
            {t('e2ee.help.open')}
          </a>
        </p>
      </div>
    </details>
  )
}

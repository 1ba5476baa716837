import { t } from '../../i18n'
import { Icon } from '../icons'
import '../../styles/encryption.css'

/** Says in a word whether a room is end-to-end encrypted. */
export function EncryptionChip({ encrypted }: { encrypted: boolean }) {
  return (
    <span class={`chip ${encrypted ? 'chip-safe' : ''}`} data-testid="e2ee-chip" data-encrypted={encrypted}>
      <Icon name={encrypted ? 'lock' : 'unlocked'} />
      {t(encrypted ? 'e2ee.lock' : 'e2ee.noneAtAll')}
    </span>
  )
}

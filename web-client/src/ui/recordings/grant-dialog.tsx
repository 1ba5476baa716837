// Gives somebody access to one recording: whoever refused to be in it, or was not there.

import { useSignal } from '@preact/signals'
import { shareOrigin } from '../../api'
import { t } from '../../i18n'
import { deriveProof, deriveVerifier, makeSecret } from '../../link'
import { grantLink } from '../../recordings/access'
import type { Archive } from '../../recordings/archive'
import { CopyField } from '../copy-field'
import { Dialog } from '../dialog'
import { Icon } from '../icons'
import { faultText } from './fault'

/** What the dialog needs. */
export interface GrantProps {
  archive: Archive
  id: string
  keyOf: () => Promise<Uint8Array<ArrayBuffer>>
  changed: () => void
  close: () => void
}

/** The dialog. The link is shown once: neither the server nor this browser keeps it. */
export function GrantDialog({ archive, id, keyOf, changed, close }: GrantProps) {
  const link = useSignal<string | null>(null)
  const making = useSignal(false)
  const fault = useSignal<unknown>(null)
  const make = async () => {
    if (making.value) return
    making.value = true
    try {
      const secret = makeSecret()
      const key = await keyOf()
      await archive.grant(id, await deriveVerifier(await deriveProof(secret)))
      link.value = grantLink(await shareOrigin(), { recording: id, secret, key })
      fault.value = null
      changed()
    } catch (cause) {
      fault.value = cause
    }
    making.value = false
  }
  return (
    <Dialog title={t('recordings.grant')} close={close}>
      {link.value === null ? (
        <p>{t('recordings.grantHelp')}</p>
      ) : (
        <CopyField
          label={t('recordings.grantLink')}
          help={t('recordings.grantOnce')}
          value={link.value}
          action="recordings.grantCopy"
          done="recordings.grantCopied"
          testId="grant-link"
          secret
        />
      )}
      {fault.value !== null && (
        <p class="aside" role="alert">
          {faultText(fault.value)}
        </p>
      )}
      <div class="actions">
        <button type="button" class="button button-secondary" data-testid="grant-close" onClick={close}>
          {t('common.close')}
        </button>
        {link.value === null && (
          <button
            type="button"
            class="button button-primary"
            data-testid="grant-make"
            aria-disabled={making.value}
            onClick={() => void make()}
          >
            <Icon name="key" />
            {t('recordings.grantMake')}
          </button>
        )}
      </div>
    </Dialog>
  )
}

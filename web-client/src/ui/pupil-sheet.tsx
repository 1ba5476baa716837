// What a teacher takes away of personal links: to send, to file, to cut out and hand over.

import { useSignal } from '@preact/signals'
import { t } from '../i18n'
import { CopyButton } from './copy-button'
import { download } from './download'
import { Icon } from './icons'
import { lazy } from './lazy'
import { writeTable } from './names'

/** One person's link. */
export interface PupilLine {
  readonly name: string
  readonly link: string
}

/** Copy, file and paper. */
export function PupilSheet({ title, lines }: { title: string; lines: readonly PupilLine[] }) {
  const printing = useSignal(false)
  const table = writeTable(lines)
  return (
    <div class="pupil-tools">
      <CopyButton value={table} label={t('links.copyTable')} done={t('links.tableCopied')} testId="pupil-links-copy" />
      <button
        type="button"
        class="button button-secondary"
        data-testid="pupil-links-file"
        onClick={() => {
          // The mark at the front tells spreadsheets that accents are UTF-8.
          download(t('links.fileName'), 'text/tab-separated-values', `\ufeff${table}`)
        }}
      >
        <Icon name="download" />
        {t('links.file')}
      </button>
      <button
        type="button"
        class="button button-secondary"
        data-testid="pupil-links-print"
        onClick={() => {
          printing.value = true
        }}
      >
        <Icon name="print" />
        {t('links.print')}
      </button>
      {printing.value && (
        <Paper.Part
          title={title}
          lines={lines}
          done={() => {
            printing.value = false
          }}
        />
      )}
    </div>
  )
}

const Paper = lazy(() => import('./paper'))

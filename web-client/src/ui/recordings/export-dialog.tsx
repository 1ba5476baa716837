// Makes one file of a recording, in this browser, and hands it to the person.

import { useSignal } from '@preact/signals'
import { useEffect, useId } from 'preact/hooks'
import { language, t } from '../../i18n'
import type { Archive } from '../../recordings/archive'
import { Dialog } from '../dialog'
import { download } from '../download'
import { faultText } from './fault'

/** What the dialog needs. */
export interface ExportProps {
  archive: Archive
  id: string
  keyOf: () => Promise<Uint8Array>
  startedAt: number
  close: () => void
}

type Stage = { readonly name: 'making' } | { readonly name: 'made'; readonly file: Blob } | { readonly name: 'failed'; readonly why: string }

/** The dialog. Closing it gives the export up. */
export function ExportDialog({ archive, id, keyOf, startedAt, close }: ExportProps) {
  const label = useId()
  const share = useSignal(0)
  const stage = useSignal<Stage>({ name: 'making' })
  const name = t('recordings.fileName', { date: new Date(startedAt * 1000).toISOString().slice(0, 16).replace(':', 'h') })
  useEffect(() => {
    const given = new AbortController()
    const make = async () => {
      const { canExport, exportRecording } = await import('../../recordings/export')
      if (!canExport()) return { name: 'failed', why: t('recordings.fault.unsupported') } as const
      const { openRecording } = await import('../../recordings/opened')
      const recording = await openRecording(archive, id, await keyOf())
      const nameOf = (person: string) => recording.persons.find((one) => one.id === person)?.name ?? ''
      const progress = (done: number) => {
        share.value = done
      }
      const file = await exportRecording(recording, { nameOf }, progress, given.signal)
      download(name, 'video/webm', file)
      return { name: 'made', file } as const
    }
    make().then(
      (made) => {
        if (!given.signal.aborted) stage.value = made
      },
      (fault: unknown) => {
        if (!given.signal.aborted) stage.value = { name: 'failed', why: faultText(fault) }
      },
    )
    return () => {
      given.abort()
    }
  }, [])
  const now = stage.value
  return (
    <Dialog title={t('recordings.export')} close={close}>
      <p>{t('recordings.exportHelp')}</p>
      {now.name === 'making' && (
        <div class="export-progress">
          <label for={label}>{t('recordings.exporting')}</label>
          <progress id={label} max={1} value={share} data-testid="export-progress" />
          <span class="help" aria-hidden="true">
            {new Intl.NumberFormat(language.value, { style: 'percent' }).format(share.value)}
          </span>
        </div>
      )}
      <div role="status">
        {now.name === 'made' && <p data-testid="export-done">{t('recordings.exported')}</p>}
        {now.name === 'failed' && (
          <p class="aside" data-testid="export-failed">
            {now.why}
          </p>
        )}
      </div>
      <div class="actions">
        {now.name === 'made' && (
          <button
            type="button"
            class="button button-secondary"
            data-testid="export-again"
            onClick={() => {
              download(name, 'video/webm', now.file)
            }}
          >
            {t('recordings.exportAgain')}
          </button>
        )}
        <button type="button" class="button button-secondary" data-testid="export-close" onClick={close}>
          {t(now.name === 'making' ? 'recordings.exportCancel' : 'common.close')}
        </button>
      </div>
    </Dialog>
  )
}

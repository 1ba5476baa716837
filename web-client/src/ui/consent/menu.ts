import type { Signal } from '@preact/signals'
import type { Call } from '../../call/store'
import { inLanguage, t } from '../../i18n'
import { download } from '../download'
import type { MenuEntry } from '../stage/more-menu'

/** What recordings add to the menu behind the bar. Where one cannot be started, the dialog says why. */
export function recordingEntries(call: Call, starting: Signal<boolean>): readonly MenuEntry[] {
  const { role, recording } = call.state.value
  const { receipt } = recording
  // While it runs, the strip has it.
  const own: readonly MenuEntry[] =
    receipt === null || recording.info !== null
      ? []
      : [
          {
            testId: 'last-receipt',
            icon: 'download',
            label: t('consent.receiptOfLast'),
            act: () => {
              download(t('consent.receiptFile'), 'application/json', receipt)
            },
          },
        ]
  if (role !== 'moderator') return own
  const { host } = call
  return [
    ...own,
    ...(recording.info === null
      ? [
          {
            testId: 'record-start',
            icon: 'record' as const,
            label: t('recording.start'),
            act: () => {
              starting.value = true
            },
          },
        ]
      : []),
    ...(host === null
      ? []
      : [
          {
            testId: 'recordings-open',
            icon: 'play' as const,
            label: t('recordings.open'),
            act: () => {
              // Beside the meeting, which goes on.
              open(inLanguage(host.recordings), '_blank', 'noopener')
            },
          },
        ]),
  ]
}

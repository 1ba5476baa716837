import type { Signal } from '@preact/signals'
import type { Call } from '../../call/store'
import { inLanguage, t } from '../../i18n'
import type { MenuEntry } from '../stage/more-menu'

/** What recordings add to the menu behind the bar. Where one cannot be started, the dialog says why. */
export function recordingEntries(call: Call, starting: Signal<boolean>): readonly MenuEntry[] {
  const { role, recording } = call.state.value
  if (role !== 'moderator') return []
  const { host } = call
  return [
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

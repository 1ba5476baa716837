import type { Call } from '../../call/store'
import { t } from '../../i18n'
import type { MenuEntry } from '../stage/more-menu'
import type { PanelName } from '../stage/side-panel'
import type { ClassUi } from './ui'

/** What class life adds to the menu behind the bar. */
export function lifeEntries(call: Call, ui: ClassUi): readonly MenuEntry[] {
  const { role, moderatorsOnly, rules } = call.state.value
  const panel = (name: PanelName) => ({
    pressed: ui.panel.value === name,
    narrow: true,
    act: () => {
      ui.panel.value = ui.panel.value === name ? null : name
    },
  })
  return [
    {
      testId: 'reactions-in-menu',
      icon: 'smile',
      label: t('react.title'),
      narrow: true,
      act: () => {
        ui.reacting.value = true
      },
    },
    ...(role === 'moderator' ? [{ testId: 'class-in-menu', icon: 'tools' as const, label: t('class.tools'), ...panel('class') }] : []),
    // Also for whoever runs the meeting now and was hidden before: nobody stays hidden without a way out.
    ...((role === 'guest' || moderatorsOnly) && rules?.video !== false
      ? [
          {
            testId: 'only-teacher',
            icon: 'lock' as const,
            label: t('only.title'),
            pressed: moderatorsOnly,
            act: () => {
              call.setModeratorsOnly(!moderatorsOnly)
            },
          },
        ]
      : []),
    {
      testId: 'sounds',
      icon: 'sound',
      label: t('class.sounds'),
      pressed: ui.sounds.value,
      act: () => {
        ui.chosenSounds.value = !ui.sounds.value
      },
    },
  ]
}

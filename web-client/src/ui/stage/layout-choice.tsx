import { useId } from 'preact/hooks'
import { t } from '../../i18n'
import { Icon, type IconName } from '../icons'
import { type Layout, LAYOUTS } from './arrange'
import type { View } from './view'

/** The choice of a layout. */
export function LayoutChoice({ view }: { view: View }) {
  const id = useId()
  return (
    <div class="layouts" role="group" aria-labelledby={id}>
      <p id={id} class="layouts-title">
        {t('layout.title')}
      </p>
      {([null, ...LAYOUTS] as const).map((layout) => (
        <button
          key={layout}
          type="button"
          class="layout"
          data-testid={`layout-${layout ?? 'auto'}`}
          aria-pressed={view.layout.value === layout}
          onClick={() => {
            view.layout.value = layout
          }}
        >
          <Icon name={ICONS[layout ?? 'auto']} />
          <span>{layoutName(layout)}</span>
        </button>
      ))}
    </div>
  )
}

/** A layout in words. */
export function layoutName(layout: Layout | null): string {
  return t(`layout.${layout ?? 'auto'}`)
}

const ICONS: Readonly<Record<Layout | 'auto', IconName>> = {
  auto: 'layoutAuto',
  grid: 'layoutGrid',
  speaker: 'layoutSpeaker',
  strip: 'layoutStrip',
  presenter: 'layoutPresenter',
}

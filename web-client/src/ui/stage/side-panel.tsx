// What opens beside the pictures (over them on a phone): one panel at a time.

import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { t } from '../../i18n'
import { Icon } from '../icons'

/** The panels there are. */
export type PanelName = 'people' | 'chat' | 'class' | 'room'

/** What a panel is made of. */
export interface SidePanelProps {
  title: string
  close: () => void
  children: ComponentChildren
}

/** A panel: drawn means open. Escape closes it, and the focus goes back to where it was. */
export function SidePanel({ title, close, children }: SidePanelProps) {
  const id = useId()
  const panel = useRef<HTMLElement>(null)
  // Read before a field inside takes the focus.
  const before = useRef(document.activeElement).current
  useEffect(() => {
    const closeByEscape = (event: KeyboardEvent) => {
      if (event.key === 'Escape') close()
    }
    const element = panel.current
    // A field inside may have taken the focus already.
    if (element?.contains(document.activeElement) !== true) element?.querySelector('h2')?.focus()
    element?.addEventListener('keydown', closeByEscape)
    return () => {
      element?.removeEventListener('keydown', closeByEscape)
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  return (
    <section ref={panel} class="panel" aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id} tabIndex={-1}>
          {title}
        </h2>
        <button type="button" class="button button-icon" data-testid="panel-close" aria-label={t('common.close')} onClick={close}>
          <Icon name="close" />
        </button>
      </div>
      {children}
    </section>
  )
}

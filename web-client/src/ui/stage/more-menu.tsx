// What does not fit into the bar of controls, by name.

import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useId, useRef } from 'preact/hooks'
import { type Language, t } from '../../i18n'
import { Icon, type IconName } from '../icons'
import { usePopover } from '../popover'

/** One line of the menu. */
export interface MenuEntry {
  testId: string
  icon: IconName
  label: string
  /** For those that are on or off. */
  pressed?: boolean
  /** For what has a button of its own in the bar where there is room for it. */
  narrow?: boolean
  /** Of the label, where it is not that of the page. */
  lang?: Language
  act: () => void
}

/** What the menu offers. */
export interface MoreMenuProps {
  /** Asked for while the menu is open. */
  entries: () => readonly MenuEntry[]
  /** A choice above them. */
  children?: ComponentChildren
}

/** A button that opens a list of further buttons above itself. */
export function MoreMenu({ entries, children }: MoreMenuProps) {
  const open = useSignal(false)
  const id = useId()
  const place = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  usePopover(open, place, button, '.menu')
  return (
    <div ref={place} class="menu-place">
      <button
        ref={button}
        type="button"
        class="control"
        data-testid="more"
        aria-expanded={open.value}
        aria-controls={open.value ? id : undefined}
        onClick={() => {
          open.value = !open.value
        }}
      >
        <span class="control-icon">
          <Icon name="more" />
        </span>
        <span class="control-name">{t('call.more')}</span>
      </button>
      {open.value && (
        <ul id={id} class="menu" aria-label={t('call.more')}>
          {/* A choice: the menu stays, so that one sees what comes of it. */}
          {children !== undefined && <li>{children}</li>}
          {entries().map((entry) => (
            <li key={entry.testId} class={entry.narrow === true ? 'menu-narrow' : undefined}>
              <EntryButton
                entry={entry}
                chosen={() => {
                  open.value = false
                  // Before it opens anything: what opens gives the focus back to where it was.
                  button.current?.focus()
                }}
              />
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

/** One entry as a button. `chosen` comes before what it does. */
export function EntryButton({ entry, chosen }: { entry: MenuEntry; chosen: () => void }) {
  const { testId, icon, label, pressed, lang, act } = entry
  return (
    <button
      type="button"
      class="menu-entry"
      data-testid={testId}
      aria-pressed={pressed}
      onClick={() => {
        chosen()
        act()
      }}
    >
      <Icon name={icon} />
      <span lang={lang}>{label}</span>
      {pressed === true && <Icon name="check" />}
    </button>
  )
}

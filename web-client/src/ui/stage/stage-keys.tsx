// Shortcuts at work, and the dialog that lists them and switches them off.

import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Dialog } from '../dialog'
import { switchCamera, switchMicrophone, switchPanel } from './controls'
import { LeaveQuestion } from './leave'
import type { MenuEntry } from './more-menu'
import type { PanelName } from './side-panel'
import { type ShortcutName, SHORTCUTS, shortcutOf } from './shortcuts'
import { nextLayout, turnPages, type View } from './view'

/** The shortcuts of one page. */
export interface Keys {
  /** Where the list is opened. */
  readonly entry: MenuEntry
  /** Whether they are in use. Kept while the page is open. */
  readonly on: Signal<boolean>
  readonly listed: Signal<boolean>
  readonly leaving: Signal<boolean>
}

/** Carries shortcuts out, each the same as a click, while they are in use and no dialog is open. */
export function useStageKeys(call: Call, view: View, panel: Signal<PanelName | null>): Keys {
  const on = useSignal(true)
  const listed = useSignal(false)
  const leaving = useSignal(false)
  const actions: Readonly<Record<ShortcutName, () => void>> = {
    microphone: () => {
      switchMicrophone(call)
    },
    camera: () => {
      switchCamera(call)
    },
    hand: () => {
      const { life, selfId } = call.state.value
      void call.ask({ type: 'raise_hand', raised: selfId !== null && !life.hands.includes(selfId) })
    },
    chat: () => {
      switchPanel(panel, 'chat')
    },
    people: () => {
      switchPanel(panel, 'people')
    },
    layout: () => {
      view.layout.value = nextLayout(view.layout.value)
    },
    pageNext: () => {
      turnPages(view, 1)
    },
    pagePrevious: () => {
      turnPages(view, -1)
    },
    leave: () => {
      leaving.value = true
    },
  }
  const latest = useRef(actions)
  latest.current = actions
  useEffect(() => {
    const act = (event: KeyboardEvent) => {
      const name = on.value ? shortcutOf(event) : null
      if (name === null || document.querySelector('dialog[open]') !== null) return
      // Option and an arrow choose text.
      if (SHORTCUTS[name].startsWith('Arrow') && isField(event.target)) return
      event.preventDefault()
      latest.current[name]()
    }
    document.addEventListener('keydown', act)
    return () => {
      document.removeEventListener('keydown', act)
    }
  }, [on])
  return {
    on,
    listed,
    leaving,
    entry: {
      testId: 'shortcuts',
      icon: 'keyboard',
      label: t('shortcuts.title'),
      act: () => {
        listed.value = true
      },
    },
  }
}

/** What shortcuts open. */
export function StageKeys({ call, keys: { on, listed, leaving } }: { call: Call; keys: Keys }) {
  return (
    <>
      {listed.value && <ShortcutList on={on} listed={listed} />}
      {leaving.value && <LeaveQuestion call={call} leaving={leaving} />}
    </>
  )
}

function ShortcutList({ on, listed }: Pick<Keys, 'on' | 'listed'>) {
  const close = () => {
    listed.value = false
  }
  return (
    <Dialog title={t('shortcuts.title')} close={close}>
      <div class="saving">
        <button
          type="button"
          role="switch"
          class="button button-secondary saving-switch"
          data-testid="shortcuts-switch"
          aria-checked={on.value}
          onClick={() => {
            on.value = !on.value
          }}
        >
          <span class="saving-knob" aria-hidden="true" />
          {t('shortcuts.use')}
        </button>
        <p class="help">{t('shortcuts.help')}</p>
      </div>
      <dl class="shortcuts" data-on={String(on.value)}>
        {(Object.keys(SHORTCUTS) as ShortcutName[]).map((name) => (
          <div key={name} class="shortcut">
            <dt>{t(`shortcuts.${name}`)}</dt>
            <dd>
              <kbd>{isMac() ? t('shortcuts.option') : 'Alt'}</kbd>
              <kbd>{t('shortcuts.shift')}</kbd>
              <kbd>{SIGNS[SHORTCUTS[name]] ?? SHORTCUTS[name]}</kbd>
            </dd>
          </div>
        ))}
      </dl>
      <div class="actions">
        <button type="button" class="button button-secondary" data-testid="shortcuts-close" onClick={close}>
          {t('common.close')}
        </button>
      </div>
    </Dialog>
  )
}

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement
}

function isMac(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.userAgent)
}

/** Keys that are read better as signs. */
const SIGNS: Readonly<Record<string, string>> = { ArrowRight: '→', ArrowLeft: '←' }

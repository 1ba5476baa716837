import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { t, type TextKey } from '../i18n'
import { Dialog } from './dialog'
import { Icon, type IconName } from './icons'

/** What a dialog needs that goes on by itself. */
export interface CountdownProps {
  title: string
  /** What the button says that goes on at once. */
  confirm: string
  icon: IconName
  /** Said while it counts, and once it waits. */
  texts: readonly [counting: TextKey, waiting: TextKey]
  /** Its buttons are `<name>-confirm`, `<name>-wait` and `<name>-cancel` in tests. */
  name: string
  go: () => void
  cancel: () => void
  children: ComponentChildren
}

/** Shows something before it happens, and lets it happen after a moment in which it can be stopped
 * or held for as long as one likes. Whoever moves to one of its buttons by keyboard has all the
 * time: then it waits by itself. */
export function Countdown({ title, confirm, icon, texts, name, go, cancel, children }: CountdownProps) {
  const left = useSignal(SECONDS)
  const waits = useSignal(false)
  const latest = useRef(go)
  latest.current = go
  const drawn = useRef(false)
  useEffect(() => {
    drawn.current = true
    const timer = setInterval(() => {
      if (waits.value) return
      left.value -= 1
      if (left.value > 0) return
      clearInterval(timer)
      latest.current()
    }, 1_000)
    return () => {
      clearInterval(timer)
    }
  }, [])
  const wait = () => {
    waits.value = true
  }
  // The focus that comes with opening is nobody's doing.
  const focusMoved = () => {
    if (drawn.current) wait()
  }
  return (
    <Dialog title={title} close={cancel}>
      {/* Whoever does something in here is not done looking. */}
      <div class="countdown-content" onFocusIn={focusMoved} onPointerDown={focusMoved}>
        {children}
      </div>
      <div class="dialog-foot">
        <p class="countdown">
          {!waits.value && (
            <span class="countdown-left" aria-hidden="true">
              {left.value}
            </span>
          )}
          {/* Without the number: read out each second, it would talk over all else. */}
          <span role="status">{t(texts[waits.value ? 1 : 0])}</span>
        </p>
        <div class="actions" onFocusIn={focusMoved}>
          <button type="button" class="button button-secondary" data-testid={`${name}-cancel`} onClick={cancel}>
            {t('common.cancel')}
          </button>
          {!waits.value && (
            <button type="button" class="button button-secondary" data-testid={`${name}-wait`} onClick={wait}>
              {t('countdown.wait')}
            </button>
          )}
          <button type="button" class="button button-primary" data-testid={`${name}-confirm`} onClick={go}>
            <Icon name={icon} />
            {confirm}
          </button>
        </div>
      </div>
    </Dialog>
  )
}

/** Time to look and to change one's mind. Lower: too short to read; higher: past the time for which
 * browsers remember the click that may open the choice of a screen (5 s). */
const SECONDS = 3

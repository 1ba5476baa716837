// The timer: what is left of it for everybody, and the buttons of whoever leads.

import { useSignal } from '@preact/signals'
import { useEffect, useId, useRef } from 'preact/hooks'
import type { Call } from '../../call/store'
import { t, tn } from '../../i18n'
import { Icon } from '../icons'
import { clock, secondsLeft, typedMinutes, untilNextSecond } from './clock'
import { play } from './sounds'
import type { ClassUi } from './ui'

/** What is left, once a second. Spoken at the start, one minute before the end, and at the end. */
export function TimerChip({ call, ui }: { call: Call; ui: ClassUi }) {
  const { timerEndsAt } = call.state.value.life
  const left = useSignal<number | null>(null)
  const spoken = useSignal('')
  const endedAt = useRef<number | null>(null)
  useEffect(() => {
    if (timerEndsAt === null) {
      if (left.value !== null && left.value > 0) spoken.value = t('timer.stopped')
      left.value = null
      return
    }
    let next: ReturnType<typeof setTimeout> | undefined
    const look = () => {
      const now = performance.now()
      const before = left.value
      left.value = secondsLeft(timerEndsAt, now)
      if (left.value > 0) {
        if (before !== null && before > LAST_MINUTE && left.value === LAST_MINUTE) spoken.value = t('timer.lastMinute')
        next = setTimeout(look, untilNextSecond(timerEndsAt, now))
        return
      }
      spoken.value = t('timer.over')
      // One sound for one end, also when the language or the panel changes meanwhile.
      if (endedAt.current !== timerEndsAt && ui.sounds.peek()) play('end')
      endedAt.current = timerEndsAt
      next = setTimeout(() => {
        left.value = null
      }, OVER_MS)
    }
    if (timerEndsAt - performance.now() > -OVER_MS) {
      spoken.value = tn('timer.started', Math.max(1, Math.round(secondsLeft(timerEndsAt, performance.now()) / 60)))
      left.value = null
      look()
    }
    return () => {
      clearTimeout(next)
    }
  }, [timerEndsAt])
  return (
    <>
      {left.value !== null && (
        <p class="strip-item timer" data-testid="timer" data-over={String(left.value === 0)} role="timer" aria-label={t('timer.left')}>
          <Icon name="timer" />
          <span class="timer-left">{left.value === 0 ? t('timer.over') : clock(left.value)}</span>
        </p>
      )}
      <span class="visually-hidden" role="status">
        {spoken.value}
      </span>
    </>
  )
}

/** Starts, lengthens and ends it. */
export function TimerTools({ call }: { call: Call }) {
  const id = useId()
  const typed = useSignal('')
  const wrong = useSignal(false)
  const { timerEndsAt } = call.state.value.life
  const set = (seconds: number | null) => {
    void call.ask({ type: 'set_timer', seconds })
  }
  const runs = timerEndsAt !== null && timerEndsAt > performance.now()
  return (
    <section class="tool" aria-labelledby={id}>
      <h3 id={id}>
        <Icon name="timer" />
        {t('timer.title')}
      </h3>
      <div class="tool-row">
        {MINUTES.map((minutes) => (
          <button
            key={minutes}
            type="button"
            class="button button-secondary"
            data-testid={`timer-${minutes}`}
            onClick={() => {
              set(minutes * 60)
            }}
          >
            {tn('timer.minutes', minutes)}
          </button>
        ))}
      </div>
      <form
        class="tool-row"
        onSubmit={(event) => {
          event.preventDefault()
          const seconds = typedMinutes(typed.value)
          wrong.value = seconds === null
          if (seconds === null) return
          typed.value = ''
          set(seconds)
        }}
      >
        <label class="inline-field">
          <span>{t('timer.length')}</span>
          <input
            class="field"
            type="text"
            inputMode="decimal"
            autocomplete="off"
            data-testid="timer-minutes"
            aria-invalid={wrong.value}
            value={typed}
            onInput={(event) => {
              typed.value = event.currentTarget.value
              wrong.value = false
            }}
          />
        </label>
        <button type="submit" class="button button-secondary" data-testid="timer-start">
          {t('timer.start')}
        </button>
      </form>
      <p class="help too-long" role="alert">
        {wrong.value && t('timer.wrong')}
      </p>
      {runs && (
        <div class="tool-row">
          <button
            type="button"
            class="button button-secondary"
            data-testid="timer-longer"
            onClick={() => {
              set(secondsLeft(timerEndsAt, performance.now()) + 60)
            }}
          >
            {t('timer.longer')}
          </button>
          <button
            type="button"
            class="button button-quiet"
            data-testid="timer-stop"
            onClick={() => {
              set(null)
            }}
          >
            {t('timer.stop')}
          </button>
        </div>
      )}
    </section>
  )
}

/** Lengths at one click. */
const MINUTES = [1, 2, 5, 10]
/** Seconds left at which it is told once more. */
const LAST_MINUTE = 60
/** How long it says that it is over. */
const OVER_MS = 10_000

// Tells screen readers what goes on, and lets it be heard; never as a flood.

import { useSignal, useSignalEffect } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { CallState, ParticipantId } from '../../call/state'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { REACTIONS } from './gestures'
import { comingsOf, gesturesSince, newsOf } from './news'
import { play } from './sounds'
import type { ClassUi } from './ui'

/** A silent line of text. `putOut`: see `comingsOf`. */
export function LifeAnnouncer({ call, ui, putOut }: { call: Call; ui: ClassUi; putOut: ReadonlySet<ParticipantId> }) {
  const text = useSignal('')
  const before = useRef<CallState | null>(null)
  const waiting = useRef<string[]>([])
  const comingsFrom = useRef<CallState | null>(null)
  const gesturesFrom = useRef<number | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null)
  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current)
    },
    [],
  )
  useSignalEffect(() => {
    const now = call.state.value
    const then = before.current
    before.current = now
    if (then === null) return
    const { sentences, sound } = newsOf(then, now, ui.panel.peek() === 'chat')
    if (sound !== null && ui.sounds.peek()) play(sound)
    waiting.current.push(...sentences)
    if (now.life.reactions.at(-1) !== then.life.reactions.at(-1)) gesturesFrom.current ??= then.life.nextKey
    if (now.participants !== then.participants || now.waiting !== then.waiting) comingsFrom.current ??= then
    const tell = () => {
      timer.current = null
      const labels = new Map(REACTIONS.map(({ name, label }) => [name as string, t(label)]))
      const gestures = gesturesFrom.current === null ? null : gesturesSince(call.state.peek(), gesturesFrom.current, labels)
      gesturesFrom.current = null
      const comings = comingsFrom.current === null ? [] : comingsOf(comingsFrom.current, call.state.peek(), putOut)
      comingsFrom.current = null
      const told = [...waiting.current.slice(-MOST), ...comings, ...(gestures === null ? [] : [gestures])]
      waiting.current = []
      if (told.length > 0) text.value = told.join(' ')
    }
    const isNews = waiting.current.length > 0 || comingsFrom.current !== null || gesturesFrom.current !== null
    // What comes close together is told together.
    if (isNews) timer.current ??= setTimeout(tell, TOGETHER_MS)
  })
  return (
    <p class="visually-hidden" role="status" data-testid="life-news">
      {text.value}
    </p>
  )
}

/** Lower: sentences cut each other off; higher: a raised hand is heard of late. */
const TOGETHER_MS = 1_500
/** Most sentences at once; older ones are on the screen. */
const MOST = 3

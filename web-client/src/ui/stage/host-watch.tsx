// Says when nobody runs the meeting any more, and when somebody does again. Nobody gains anything
// by it.

import { useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { CallState } from '../../call/state'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Icon } from '../icons'

/** A calm line over the pictures, read to those who do not see it. */
export function HostWatch({ call }: { call: Call }) {
  const text = useSignal('')
  /** `null` before a first moderator was seen: a class that arrives early is not told. */
  const wasRun = useRef<boolean | null>(null)
  const runner = useComputed(() => runs(call.state.value))
  const anybody = useComputed(() => call.state.value.participants.some(({ role }) => role === 'moderator'))
  useSignalEffect(() => {
    const who = runner.value
    if (who !== null) {
      if (wasRun.current === false) text.value = t('hosts.back', { name: who })
      wasRun.current = true
      if (text.peek() === '') return
      const timer = setTimeout(() => {
        text.value = ''
      }, BACK_MS)
      return () => {
        clearTimeout(timer)
      }
    }
    if (wasRun.current !== true) return
    const timer = setTimeout(
      () => {
        wasRun.current = false
        text.value = t('hosts.none')
      },
      // Somebody who reloads their page is away for a moment.
      anybody.value ? AWAY_MS : 0,
    )
    return () => {
      clearTimeout(timer)
    }
  })
  return (
    <div role="status" data-testid="host-watch">
      {text.value !== '' && (
        <p class="host-watch">
          <Icon name="shield" />
          {text.value}
        </p>
      )}
    </div>
  )
}

/** Name of a moderator who is here and not away; `null` when there is none. */
function runs({ participants }: CallState): string | null {
  return participants.find(({ role, away }) => role === 'moderator' && !away)?.displayName ?? null
}

/** Lower: each reload of a teacher's page is told to the class. */
const AWAY_MS = 5_000
/** Lower: gone before it is read. */
const BACK_MS = 8_000

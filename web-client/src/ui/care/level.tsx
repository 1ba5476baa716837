import type { ReadonlySignal } from '@preact/signals'
import { useSignalEffect } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { t } from '../../i18n'
import { Icon } from '../icons'

/** Loudness as a bar that follows the voice. */
export function Level({ level }: { level: ReadonlySignal<number> }) {
  const meter = useRef<HTMLDivElement>(null)
  useSignalEffect(() => {
    const value = Math.round(level.value * 100)
    meter.current?.style.setProperty('--level', `${value}%`)
    meter.current?.setAttribute('aria-valuenow', String(value))
  })
  return (
    <div class="level-line">
      <Icon name="microphone" />
      <div ref={meter} class="level" role="meter" aria-label={t('check.level')} aria-valuemin={0} aria-valuemax={100} aria-valuenow={0} />
      <p class="help">{t('check.levelHelp')}</p>
    </div>
  )
}

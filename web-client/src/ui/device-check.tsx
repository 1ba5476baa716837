// The optional look at one's own camera and microphone before joining. Nothing is sent.

import type { ReadonlySignal } from '@preact/signals'
import { useComputed, useSignalEffect } from '@preact/signals'
import { useId, useRef } from 'preact/hooks'
import type { Call } from '../call/store'
import { t } from '../i18n'
import { Icon } from './icons'
import { Video } from './video'

/** The button that starts the check, or the check. */
export function DeviceCheck({ call }: { call: Call }) {
  const id = useId()
  const stream = useComputed(() => call.deviceCheck.value?.stream ?? null)
  const check = call.deviceCheck.value
  if (check === null) {
    return (
      <button
        type="button"
        class="button button-secondary check-open"
        data-testid="check-devices"
        onClick={() => {
          call.checkDevices()
        }}
      >
        <Icon name="camera" />
        {t('check.open')}
      </button>
    )
  }
  return (
    <section class="card check" aria-labelledby={id}>
      <h2 id={id}>{t('check.title')}</h2>
      <p class="help">{t('check.private')}</p>
      {check.opening ? (
        <p role="status">{t('check.opening')}</p>
      ) : (
        <>
          {check.hasCamera ? (
            <div class="frame">
              <Video stream={stream} label={t('check.video')} mirrored testId="check-video" />
            </div>
          ) : (
            <p class="aside">{t('check.noCamera')}</p>
          )}
          {check.hasMicrophone ? <Level level={call.inputLevel} /> : <p class="aside">{t('check.noMicrophone')}</p>}
        </>
      )}
      <button
        type="button"
        class="button button-secondary"
        onClick={() => {
          call.endDeviceCheck()
        }}
      >
        {t('check.stop')}
      </button>
    </section>
  )
}

/** Loudness as a bar that follows the voice. */
function Level({ level }: { level: ReadonlySignal<number> }) {
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

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { HostTools } from '../../call/host'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { CopyButton } from '../copy-button'
import { Icon } from '../icons'
import { writeTable } from '../names'
import { linesOf } from './pupil-links'

/** Replaces the guest link by one click, and says what that did. */
export function RotateLink({ call, host }: { call: Call; host: HostTools }) {
  const state = useSignal<'idle' | 'busy' | 'done' | 'failed'>('idle')
  const link = call.guestLink.value
  const section = useRef<HTMLElement>(null)
  useEffect(() => {
    // What is to be copied now may stand below what fits.
    if (state.value === 'done') section.current?.scrollIntoView({ block: 'end' })
  }, [state.value])
  const pupils = linesOf(host)
  return (
    <section ref={section} class="rotate">
      <div class="rotate-row">
        <p class="help">{t('links.rotateHelp')}</p>
        <button
          type="button"
          class="button button-secondary"
          data-testid="rotate-link"
          aria-disabled={state.value === 'busy'}
          onClick={() => {
            if (state.value === 'busy') return
            state.value = 'busy'
            void host.rotateLink().then((done) => {
              state.value = done ? 'done' : 'failed'
            })
          }}
        >
          <Icon name="retry" />
          {t('links.rotate')}
        </button>
      </div>
      <div role="status">
        {/* The dialog covers the page's own messages. */}
        {state.value === 'failed' && <p class="aside">{t('links.notDone')}</p>}
        {state.value === 'done' && (
          <div class="aside rotated" data-testid="link-rotated">
            <p>{t('links.rotated')}</p>
            {pupils.length > 0 && <p>{t('links.rotatedPupils')}</p>}
          </div>
        )}
      </div>
      {state.value === 'done' && link !== null && (
        <div class="rotate-copy">
          <CopyButton value={link} label={t('links.copyNew')} done={t('copy.doneGuest')} testId="rotated-link-copy" primary />
          {pupils.length > 0 && (
            <CopyButton value={writeTable(pupils)} label={t('links.copyTable')} done={t('links.tableCopied')} testId="rotated-pupils-copy" />
          )}
        </div>
      )}
    </section>
  )
}

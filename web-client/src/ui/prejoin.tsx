// Before joining: one optional field, one button. Nothing is opened and nothing is asked.

import { useSignal } from '@preact/signals'
import { useEffect, useId } from 'preact/hooks'
import type { Call } from '../call/store'
import { t } from '../i18n'
import { CopyField } from './copy-field'
import { DeviceCheck } from './device-check'
import { Icon } from './icons'
import { Notices } from './problem'
import { SavingSwitch } from './saving-switch'
import { Screen } from './screen'

/** The page a room link opens. */
export function Prejoin({ call, preloadStage }: { call: Call; preloadStage: () => void }) {
  const id = useId()
  const name = useSignal('')
  // The link says it before the server does.
  const moderator = call.host !== null
  const joining = call.state.value.phase.name === 'joining'
  useEffect(preloadStage, [])
  return (
    <Screen name="prejoin" title={t('prejoin.title')}>
      {moderator && (
        <p class="chip">
          <Icon name="shield" />
          {t('prejoin.moderator')}
        </p>
      )}
      <form
        class="card stack"
        onSubmit={(event) => {
          event.preventDefault()
          if (!joining) call.join(name.value)
        }}
      >
        <div class="form-line">
          <label for={id}>{t('prejoin.pseudonym')}</label>
          <input
            id={id}
            class="field"
            type="text"
            maxLength={40}
            autocomplete="off"
            spellcheck={false}
            data-testid="pseudonym"
            aria-describedby={`${id}-help`}
            value={name}
            onInput={(event) => {
              name.value = event.currentTarget.value
            }}
          />
          <p id={`${id}-help`} class="help">
            {t('prejoin.pseudonymHelp')}
          </p>
        </div>
        <button type="submit" class="button button-primary button-large" data-testid="join" aria-disabled={joining}>
          <Icon name="enter" />
          {t(joining ? 'prejoin.joining' : 'prejoin.join')}
        </button>
        <p class="reassure">
          <Icon name="cameraOff" />
          {t('prejoin.offAtStart')}
        </p>
        <p class="reassure" data-testid="prejoin-encryption" data-encrypted={call.encryption.value !== null}>
          <Icon name={call.encryption.value === null ? 'unlocked' : 'lock'} />
          {t(call.encryption.value === null ? 'prejoin.unencrypted' : 'prejoin.encrypted')}
        </p>
      </form>
      <Notices call={call} />
      <DeviceCheck call={call} />
      <SavingSwitch call={call} />
      <section class="rules" aria-labelledby={`${id}-rules`}>
        <h2 id={`${id}-rules`}>{t('prejoin.rulesTitle')}</h2>
        <p>{t('prejoin.ruleCamera')}</p>
        <p>{t('prejoin.ruleRecord')}</p>
        <p>{t('prejoin.ruleChat')}</p>
      </section>
      {moderator && call.guestLink.value !== null && (
        <section class="card" aria-label={t('prejoin.share')}>
          <CopyField
            label={t('made.guest')}
            help={t('made.guestHelp')}
            value={call.guestLink.value}
            action="copy.guest"
            done="copy.doneGuest"
            testId="guest-link"
          />
        </section>
      )}
    </Screen>
  )
}

// Before joining: one optional field, one button. Nothing is opened and nothing is asked.

import { useSignal } from '@preact/signals'
import { useEffect, useId } from 'preact/hooks'
import { EarlyCall } from '../call/early'
import type { Call } from '../call/store'
import { t } from '../i18n'
import type { RoomLink } from '../page'
import { CopyField } from './copy-field'
import { DeviceCheck } from './device-check'
import { Icon } from './icons'
import { Notices } from './problem'
import { SavingSwitch } from './saving-switch'
import { Screen } from './screen'

/** What the page needs. */
export interface PrejoinProps {
  link: RoomLink
  call: Call | EarlyCall
  preloadStage: () => void
}

/** The page a room link opens. */
export function Prejoin({ link, call, preloadStage }: PrejoinProps) {
  const id = useId()
  const name = useSignal('')
  // The link says it before the server does.
  const moderator = link.role === 'moderator'
  const encrypted = link.encryption !== null
  const guestLink = call instanceof EarlyCall ? null : call.guestLink.value
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
        <p class="reassure" data-testid="prejoin-encryption" data-encrypted={encrypted}>
          <Icon name={encrypted ? 'lock' : 'unlocked'} />
          {t(encrypted ? 'prejoin.encrypted' : 'prejoin.unencrypted')}
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
      {moderator && guestLink !== null && (
        <section class="card" aria-label={t('prejoin.share')}>
          <CopyField
            label={t('made.guest')}
            help={t('made.guestHelp')}
            value={guestLink}
            action="copy.guest"
            done="copy.doneGuest"
            testId="guest-link"
          />
        </section>
      )}
    </Screen>
  )
}

// The question that everybody is asked before anything of them is recorded. It waits beside the
// meeting: it takes no focus, closes by an answer alone, and silence is no.

import { useId } from 'preact/hooks'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import type { RecordingInfo } from '../../protocol/generated'
import { Icon } from '../icons'
import { Recipients, Terms } from './terms'

/** What the banner needs. */
export interface ConsentBannerProps {
  call: Call
  /** True when the person wants to answer otherwise than before. */
  again: boolean
  /** The person answered. */
  answered: () => void
  /** Opens the field for another pseudonym. */
  rename: () => void
}

/** The banner, while a recording waits for the own answer. */
export function ConsentBanner({ call, again, answered, rename }: ConsentBannerProps) {
  const id = useId()
  const { recording, microphone, camera, rights } = call.state.value
  const { info, chosen, vouched } = recording
  const isEncrypted = call.encryption.value !== null
  if (info === null || (chosen !== 'none' && !again)) return null
  const answer = (accepted: boolean) => {
    call.answerRecording(accepted)
    answered()
  }
  const own = info.askedBy === call.state.value.selfId
  return (
    <section class="consent" aria-labelledby={id} data-testid="consent-banner">
      {/* All that decides stands here; what explains it is a click away. */}
      <div class="consent-words">
        <h2 id={id}>
          <Icon name="record" />
          <span>{own ? t('consent.titleOwn') : t('consent.title', { name: nameOfAsker(info, call) })}</span>
        </h2>
        <p>{t('consent.what')}</p>
        <p>{t('consent.silence')}</p>
        <Terms terms={info.terms} recipients={info.recipients} brief />
        {isEncrypted && vouched !== true && <Vouched vouched={vouched} />}
        <details class="consent-more" data-testid="consent-more">
          <summary>{t('consent.more')}</summary>
          <Recipients recipients={info.recipients} />
          {isEncrypted && <p>{t('consent.encrypted')}</p>}
          {isEncrypted && vouched === true && <Vouched vouched={vouched} />}
          <p>{t('consent.narrow')}</p>
        </details>
      </div>
      <div class="consent-deciding">
        <div class="consent-care" role="group" aria-label={t('consent.care')}>
          <button
            type="button"
            class="button button-quiet"
            data-testid="consent-camera-off"
            disabled={camera === 'off'}
            onClick={() => {
              call.turnCameraOff()
            }}
          >
            <Icon name="cameraOff" />
            {t('consent.cameraOff')}
          </button>
          <button
            type="button"
            class="button button-quiet"
            data-testid="consent-microphone-off"
            disabled={microphone === 'off'}
            onClick={() => {
              call.setMicrophone(false)
            }}
          >
            <Icon name="microphoneOff" />
            {t('consent.microphoneOff')}
          </button>
          <button
            type="button"
            class="button button-quiet"
            data-testid="consent-rename"
            // Whoever has not answered may, whatever the rules say: their name is kept with the answer.
            disabled={chosen !== 'none' && rights?.rename === false}
            onClick={rename}
          >
            <Icon name="edit" />
            {t('consent.rename')}
          </button>
        </div>
        {/* Of one shape and one size: neither is the one to choose. */}
        <div class="consent-answers">
          {(!isEncrypted || vouched === true) && (
            <button
              type="button"
              class="button button-secondary"
              data-testid="consent-accept"
              onClick={() => {
                answer(true)
              }}
            >
              {t('consent.accept')}
            </button>
          )}
          <button
            type="button"
            class="button button-secondary"
            data-testid="consent-refuse"
            onClick={() => {
              answer(false)
            }}
          >
            {t('consent.refuse')}
          </button>
        </div>
      </div>
    </section>
  )
}

/** Who asks, as the meeting knows them: the server has no name of anybody in an encrypted room. */
export function nameOfAsker({ askedBy, askedByName }: RecordingInfo, call: Call): string {
  const asker = call.state.value.participants.find(({ id }) => id === askedBy)
  return call.encryption.value === null ? askedByName : (asker?.displayName ?? askedByName)
}

/** Whether the server has added anybody to those who open it. */
function Vouched({ vouched }: { vouched: boolean | null }) {
  return (
    <p class={vouched === false ? 'wrong' : 'help'} role="status" data-testid="consent-vouched" data-vouched={String(vouched)}>
      {vouched !== null && <Icon name={vouched ? 'lock' : 'alert'} />}
      {t(vouched === null ? 'consent.vouching' : vouched ? 'consent.vouched' : 'consent.unvouched')}
    </p>
  )
}

// What this server holds about whoever looks: asked of it, not guessed.

import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Call } from '../../call/store'
import { language, t, type TextKey } from '../../i18n'
import type { Known } from '../../protocol/generated'
import { Dialog } from '../dialog'
import { knownWords } from './known-words'
import '../../styles/diagnostics.css'

/** The dialog behind "What this server knows about me". */
export default function WhatIsKnown({ call, close }: { call: Call; close: () => void }) {
  const known = useSignal<Known | null | 'asked'>('asked')
  useEffect(() => {
    void call.whatIsKnown().then((answer) => {
      known.value = answer
    })
  }, [])
  return (
    <Dialog title={t('known.title')} close={close}>
      <div class="diagnostics">
        <p>{t('known.lead')}</p>
        {known.value === 'asked' && <p>{t('common.loading')}</p>}
        {known.value === null && <p role="alert">{t('known.silent')}</p>}
        {known.value !== null && known.value !== 'asked' && <KnownList known={known.value} sealed={call.encryption.value !== null} />}
        <p class="help">{t('known.media')}</p>
        <p class="help">{t('known.nowhere')}</p>
        <p>
          <a href={`/notice?lang=${language.value}`} target="_blank" rel="noopener">
            {t('footer.notice')}
          </a>
        </p>
      </div>
      <div class="actions">
        <button type="button" class="button button-secondary" data-testid="known-close" onClick={close}>
          {t('common.close')}
        </button>
      </div>
    </Dialog>
  )
}

function KnownList({ known, sealed }: { known: Known; sealed: boolean }) {
  return (
    <>
      <dl class="numbers" data-testid="known-list">
        {(Object.keys(NAMES) as (keyof Known)[]).map((field) => (
          <div key={field} data-field={field}>
            <dt>{t(NAMES[field])}</dt>
            <dd>{knownWords(field, known[field], sealed)}</dd>
          </div>
        ))}
      </dl>
      <details class="fold">
        <summary>{t('known.raw')}</summary>
        <pre class="raw" data-testid="known-raw">
          {JSON.stringify(known, null, 2)}
        </pre>
      </details>
    </>
  )
}

/** Everything there is: a field without a name does not compile. */
const NAMES: Readonly<Record<keyof Known, TextKey>> = {
  displayName: 'known.displayName',
  address: 'known.address',
  participant: 'known.participant',
  role: 'known.role',
  linkRole: 'known.linkRole',
  link: 'known.link',
  handle: 'known.handle',
  delegation: 'known.delegation',
  granted: 'known.granted',
  group: 'known.group',
  hand: 'known.hand',
  opinion: 'known.opinion',
  hasVoted: 'known.hasVoted',
  recordingAnswer: 'known.recordingAnswer',
  recordingReceipt: 'known.recordingReceipt',
  isSpeaking: 'known.isSpeaking',
  isSpotlit: 'known.isSpotlit',
  moderatorsOnly: 'known.moderatorsOnly',
  active: 'known.active',
  stopped: 'known.stopped',
  quality: 'known.quality',
  circle: 'known.circle',
  arrival: 'known.arrival',
  wordsLeft: 'known.wordsLeft',
  slots: 'known.slots',
  pausedSlots: 'known.pausedSlots',
  unplayableSlots: 'known.unplayableSlots',
  layersWanted: 'known.layersWanted',
  missedOfferWanted: 'known.missedOfferWanted',
  offers: 'known.offers',
}

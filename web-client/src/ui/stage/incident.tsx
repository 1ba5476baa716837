// Reporting an incident: the moderator sees all that is sent, and it is sealed in this browser.

import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useId } from 'preact/hooks'
import { fetchServerInfo } from '../../api'
import type { ParticipantId } from '../../call/state'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { CopyText } from '../copy-text'
import { Dialog } from '../dialog'
import { Icon } from '../icons'
import { incidentText } from './incident-text'

/** What the dialog needs. */
export interface IncidentProps {
  call: Call
  about: ParticipantId | null
  close: () => void
}

/** Where the report stands. */
type Stage = 'looking' | 'writing' | 'nobody' | 'sending' | 'sent' | 'failed'

/** The dialog. */
export default function Incident({ call, about, close }: IncidentProps) {
  const id = useId()
  const stage = useSignal<Stage>('looking')
  const recipient = useSignal<string | null>(null)
  const whom = useSignal<ParticipantId | null>(about)
  const note = useSignal('')
  /** The room as it was when the dialog opened: that moment is the one to report. */
  const moment = useSignal({ at: new Date(), state: call.state.peek() }).value
  useEffect(() => {
    fetchServerInfo().then(
      (info) => {
        recipient.value = info.incidentRecipient
        stage.value = info.incidentRecipient === null ? 'nobody' : 'writing'
      },
      () => {
        stage.value = 'failed'
      },
    )
  }, [])
  const text = incidentText(
    moment.state,
    { note: note.value, about: whom.value, at: moment.at },
    ({ handle }) => call.host?.nameOf(handle) ?? null,
  )
  const send = async () => {
    const to = recipient.value
    if (to === null || stage.value === 'sending') return
    stage.value = 'sending'
    try {
      const { seal } = await import('../../seal')
      const sent = await call.ask({ type: 'report_incident', sealed: await seal(text, to) })
      stage.value = sent ? 'sent' : 'failed'
    } catch {
      stage.value = 'failed'
    }
  }
  if (stage.value === 'sent') {
    return (
      <Dialog title={t('incident.title')} close={close}>
        <p role="status" data-testid="incident-sent">
          {t('incident.sent')}
        </p>
        <Close close={close} />
      </Dialog>
    )
  }
  return (
    <Dialog title={t('incident.title')} close={close}>
      {stage.value !== 'nobody' && <p>{t('incident.intro')}</p>}
      <div class="form-line">
        <label for={`${id}-whom`}>{t('incident.whom')}</label>
        <select
          id={`${id}-whom`}
          class="field"
          data-testid="incident-whom"
          value={whom.value ?? ''}
          onChange={({ currentTarget: { value } }) => {
            whom.value = value === '' ? null : (value as ParticipantId)
          }}
        >
          <option value="">{t('incident.nobodyNamed')}</option>
          {moment.state.participants
            .filter(({ isSelf }) => !isSelf)
            .map((one) => (
              <option key={one.id} value={one.id}>
                {one.displayName}
              </option>
            ))}
        </select>
      </div>
      <div class="form-line">
        <label for={`${id}-note`}>{t('incident.note')}</label>
        <textarea
          id={`${id}-note`}
          class="field"
          rows={4}
          maxLength={MAX_NOTE_CHARS}
          data-testid="incident-note"
          value={note.value}
          onInput={(event) => {
            note.value = event.currentTarget.value
          }}
        />
      </div>
      <Outcome stage={stage.value} />
      <div class="incident-text">
        <p class="strong">{t(stage.value === 'nobody' ? 'incident.toHand' : 'incident.shown')}</p>
        <CopyText label={t('incident.title')} value={text} action="incident.copy" done="incident.copied" testId="incident-text" />
      </div>
      <Close close={close}>
        {recipient.value !== null && (
          <button
            type="button"
            class="button button-primary"
            data-testid="incident-send"
            aria-disabled={stage.value === 'sending'}
            onClick={() => {
              void send()
            }}
          >
            <Icon name="key" />
            {t(stage.value === 'sending' ? 'incident.sending' : 'incident.send')}
          </button>
        )}
      </Close>
    </Dialog>
  )
}

/** Why it cannot be sent from here, or was not. */
function Outcome({ stage }: { stage: Stage }) {
  return (
    <div role="status">
      {stage === 'nobody' && (
        <p class="aside" data-testid="incident-nobody">
          {t('incident.nobody')}
        </p>
      )}
      {stage === 'failed' && <p class="aside">{t('incident.failed')}</p>}
    </div>
  )
}

function Close({ close, children }: { close: () => void; children?: ComponentChildren }) {
  return (
    <div class="actions">
      <button type="button" class="button button-secondary" data-testid="incident-close" onClick={close}>
        {t('common.close')}
      </button>
      {children}
    </div>
  )
}

/** Longest note. Higher: the sealed report no longer fits into one message. */
const MAX_NOTE_CHARS = 2_000

// Starting a recording: what it is for, for how long and for whom has to be said first, since
// everybody present is asked with these words.

import { type Signal, useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useId } from 'preact/hooks'
import { fetchServerInfo } from '../../api'
import type { HostTools, PreparedRecording } from '../../call/host'
import type { Problem } from '../../call/state'
import type { Call } from '../../call/store'
import { t, type TextKey } from '../../i18n'
import type { RecordingPolicy, RecordingPurpose } from '../../protocol/generated'
import { Dialog } from '../dialog'
import { Icon } from '../icons'
import { ProblemCard, problemHelp } from '../problem'
import { PURPOSES, Recipients } from './terms'

/** What stands in the way of a recording. */
type Obstacle = 'link' | 'profile' | 'off' | 'unreachable'

/** The dialog. */
export default function RecordDialog({ call, close }: { call: Call; close: () => void }) {
  const policy = useSignal<RecordingPolicy | Obstacle | null>(null)
  const { rules } = call.state.value
  const { host } = call
  useEffect(() => {
    if (host === null) policy.value = 'link'
    else if (rules?.profile === 'sensible' || rules?.profile === 'audio') policy.value = 'profile'
    else {
      fetchServerInfo().then(
        (info) => {
          policy.value = info.recording ?? 'off'
        },
        () => {
          policy.value = 'unreachable'
        },
      )
    }
  }, [])
  const found = policy.value
  return (
    <Dialog title={t('recording.start')} close={close}>
      {found === null && <p class="loading">{t('common.loading')}</p>}
      {typeof found === 'string' && (
        <>
          <p class="aside" data-testid="record-obstacle" data-obstacle={found}>
            {obstacleText(found)}
          </p>
          <div class="actions">
            <button type="button" class="button button-secondary" data-testid="record-cancel" onClick={close}>
              {t('common.close')}
            </button>
          </div>
        </>
      )}
      {found !== null && typeof found !== 'string' && host !== null && (
        <TermsForm call={call} host={host} policy={found} close={close} />
      )}
    </Dialog>
  )
}

function obstacleText(obstacle: Obstacle): string {
  switch (obstacle) {
    case 'link':
      return t('recording.needsLink')
    case 'profile':
      return problemHelp('recording_forbidden')
    case 'off':
      return problemHelp('recording_off')
    case 'unreachable':
      return problemHelp('server_unreachable')
  }
}

interface FormProps {
  call: Call
  host: HostTools
  policy: RecordingPolicy
  close: () => void
}

/** What is missing, by field. */
type Missing = 'purpose' | 'details' | 'days' | 'audience' | 'authorisations'

function TermsForm({ call, host, policy, close }: FormProps) {
  const id = useId()
  const purpose = useSignal<RecordingPurpose | ''>('')
  const details = useSignal('')
  const days = useSignal(String(policy.maxDays))
  const audience = useSignal('')
  const authorised = useSignal(false)
  const missing = useSignal<readonly Missing[]>([])
  const asking = useSignal(false)
  const problem = useSignal<Problem | null>(null)
  const prepared = useSignal<PreparedRecording | null>(null)
  const minors = call.state.value.rules?.open.minors === true
  const prepare = async () => {
    try {
      prepared.value = await host.prepareRecording()
    } catch {
      problem.value = 'server_unreachable'
    }
  }
  useEffect(() => {
    void prepare()
  }, [])
  const start = async () => {
    if (asking.value) return
    const retentionDays = Number(days.value)
    const wrong = {
      purpose: purpose.value === '',
      details: details.value.trim() === '',
      days: !Number.isInteger(retentionDays) || retentionDays < 1 || retentionDays > policy.maxDays,
      audience: audience.value.trim() === '',
      authorisations: minors && !authorised.value,
    }
    missing.value = FIELDS.filter((field) => wrong[field])
    if (missing.value[0] !== undefined) {
      document.getElementById(`${id}-${missing.value[0]}`)?.focus()
      return
    }
    if (purpose.value === '') return
    asking.value = true
    problem.value = null
    const terms = { purpose: purpose.value, details: details.value.trim(), retentionDays, audience: audience.value.trim() }
    if (prepared.value === null) await prepare()
    if (prepared.value !== null) {
      const wish = { prepared: prepared.value, terms, establishment: policy.recipients, authorisations: authorised.value }
      // A browser without Ed25519 cannot sign it.
      const refusal = await host.startRecording(wish).catch((): Problem => 'internal')
      if (refusal === null) {
        close()
        return
      }
      problem.value = refusal
      prepared.value = null
      await prepare()
    }
    asking.value = false
  }
  const field = { id, missing }
  return (
    <form
      class="record-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        void start()
      }}
    >
      <p>{t('recording.intro')}</p>
      <Field {...field} name="purpose" label="recording.purpose">
        <select
          id={`${id}-purpose`}
          class="field"
          data-testid="record-purpose"
          aria-invalid={missing.value.includes('purpose')}
          value={purpose}
          onChange={(event) => {
            purpose.value = event.currentTarget.value as RecordingPurpose | ''
          }}
        >
          <option value="">{t('recording.choose')}</option>
          {PURPOSES.map((one) => (
            <option key={one} value={one}>
              {t(`recording.aim_${one}`)}
            </option>
          ))}
        </select>
      </Field>
      <Words {...field} name="details" label="recording.details" text={details} testId="record-details" />
      <Field {...field} name="days" label="recording.daysLabel" values={{ most: policy.maxDays }}>
        <input
          id={`${id}-days`}
          class="field field-short"
          type="number"
          inputMode="numeric"
          min={1}
          max={policy.maxDays}
          data-testid="record-retention"
          aria-invalid={missing.value.includes('days')}
          value={days}
          onInput={(event) => {
            days.value = event.currentTarget.value
          }}
        />
      </Field>
      <Words {...field} name="audience" label="recording.audience" text={audience} testId="record-audience" />
      <div class="form-line">
        <p class="strong">{t('recording.recipients')}</p>
        <Recipients recipients={[...(prepared.value === null ? [] : [{ name: null, key: prepared.value.recipient }]), ...policy.recipients]} />
        <p class="help">{t('recording.recipientsHelp')}</p>
        {policy.recipients.length > 0 && (
          <p class="help" data-testid="record-named-by-server">
            {t('recording.recipientsOfServer')}
          </p>
        )}
      </div>
      {minors && (
        <div class="form-line">
          <label class="check-line">
            <input
              id={`${id}-authorisations`}
              type="checkbox"
              data-testid="record-authorisations"
              aria-invalid={missing.value.includes('authorisations')}
              checked={authorised}
              onChange={(event) => {
                authorised.value = event.currentTarget.checked
              }}
            />
            <span>{t('recording.authorisations')}</span>
          </label>
          {missing.value.includes('authorisations') && <Wrong text={t('recording.wrong.authorisations')} />}
        </div>
      )}
      <p class="help">{t('recording.people')}</p>
      {problem.value !== null && <ProblemCard problem={problem.value} />}
      <div class="actions dialog-foot">
        <button type="button" class="button button-secondary" data-testid="record-cancel" onClick={close}>
          {t('common.cancel')}
        </button>
        <button type="submit" class="button button-primary" data-testid="record-confirm" aria-disabled={asking}>
          <Icon name="record" />
          {t('recording.go')}
        </button>
      </div>
    </form>
  )
}

interface FieldProps {
  id: string
  missing: Signal<readonly Missing[]>
  name: Missing
  label: TextKey
  values?: Readonly<Record<string, number>>
}

function Field({ id, missing, name, label, values, children }: FieldProps & { children: ComponentChildren }) {
  return (
    <div class="form-line">
      <label for={`${id}-${name}`}>{t(label, values)}</label>
      {children}
      {missing.value.includes(name) && <Wrong text={t(`recording.wrong.${name}`)} />}
    </div>
  )
}

/** A line that everybody will read. */
function Words({ text, testId, ...field }: FieldProps & { text: Signal<string>; testId: string }) {
  const { id, missing, name } = field
  return (
    <Field {...field}>
      <input
        id={`${id}-${name}`}
        class="field"
        type="text"
        maxLength={MAX_WORDS}
        autocomplete="off"
        data-testid={testId}
        aria-invalid={missing.value.includes(name)}
        value={text}
        onInput={(event) => {
          text.value = event.currentTarget.value
        }}
      />
    </Field>
  )
}

function Wrong({ text }: { text: string }) {
  return (
    <p class="wrong" role="alert">
      {text}
    </p>
  )
}

const FIELDS: readonly Missing[] = ['purpose', 'details', 'days', 'audience', 'authorisations']
/** As the server counts it. */
const MAX_WORDS = 200

// What everybody is told of a recording, the same wherever it is told.

import type { ComponentChildren } from 'preact'
import { t, tn } from '../../i18n'
import type { RecipientInfo, RecordingPurpose, RecordingTerms } from '../../protocol/generated'

/** Purposes, in the order in which they are offered. */
export const PURPOSES = ['absent_pupils', 'revision', 'training', 'minutes', 'other'] as const satisfies readonly RecordingPurpose[]

/** What it is for, for how long, for whom, and which keys open it; `brief` names the keys and shows none. */
export function Terms({ terms, recipients, brief = false }: { terms: RecordingTerms; recipients: readonly RecipientInfo[]; brief?: boolean }) {
  return (
    <dl class="terms">
      <Term name={t('recording.purpose')}>
        {t(`recording.aim_${terms.purpose}`)}
        <bdi class="term-words">{terms.details}</bdi>
      </Term>
      <Term name={t('recording.retention')}>{tn('recording.days', terms.retentionDays)}</Term>
      <Term name={t('recording.audience')}>
        <bdi class="term-words">{terms.audience}</bdi>
      </Term>
      <Term name={t('recording.recipients')}>
        {brief ? <Named recipients={recipients} /> : <Recipients recipients={recipients} />}
      </Term>
    </dl>
  )
}

/** Whose keys open it, and how many they are. */
function Named({ recipients }: { recipients: readonly RecipientInfo[] }) {
  return (
    <>
      <bdi>{recipients.map(nameOf).join(', ')}</bdi> ({tn('recording.keys', recipients.length)})
    </>
  )
}

/** Whose keys open it. */
export function Recipients({ recipients }: { recipients: readonly RecipientInfo[] }) {
  return (
    <ul class="recipients" data-testid="recording-recipients">
      {recipients.map((recipient) => (
        <li key={recipient.key}>
          <bdi>{nameOf(recipient)}</bdi> <code title={recipient.key}>{shortened(recipient.key)}</code>
        </li>
      ))}
    </ul>
  )
}

function nameOf({ name }: RecipientInfo): string {
  return name ?? t('recording.moderatorKey')
}

/** Enough of a key to compare it by. */
export function shortened(key: string): string {
  return key.length <= 16 ? key : `${key.slice(0, 9)}…${key.slice(-4)}`
}

function Term({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="term">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

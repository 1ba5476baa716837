// One recording of a room: how long it stays, who looked, who may look, and what one does with it.

import { useSignal } from '@preact/signals'
import { fromBase64Url } from '../../link'
import { language, t, tn } from '../../i18n'
import type { Archive, Grant, RecordingEntry } from '../../recordings/archive'
import { deriveRecordingKey } from '../../recordings/recording-key'
import { Icon } from '../icons'
import { Confirm } from './confirm'
import { ExportDialog } from './export-dialog'
import { GrantDialog } from './grant-dialog'
import { faultText } from './fault'
import { Viewer } from './viewer'

/** What a card needs. */
export interface CardProps {
  archive: Archive
  entry: RecordingEntry
  /** The list is not what it was. */
  changed: () => void
}

type Question = 'export' | 'grant' | 'erase' | { readonly revoke: Grant }

/** One card of the list. */
export function RecordingCard({ archive, entry, changed }: CardProps) {
  const playing = useSignal(false)
  const question = useSignal<Question | null>(null)
  const fault = useSignal<unknown>(null)
  const { id } = entry
  const when = date(entry.startedAt)
  const keyOf = () => keyFor(archive, id)
  const ask = (next: Question | null) => () => {
    question.value = next
  }
  const attempt = async (act: () => Promise<void>) => {
    try {
      await act()
      fault.value = null
      question.value = null
      changed()
    } catch (cause) {
      fault.value = cause
      question.value = null
    }
  }
  const asked = question.value
  return (
    <li class="card recording-card" data-testid="recording" data-recording={id}>
      <h2>{when}</h2>
      <p class="help">
        {[
          entry.endedAt === null ? t('recordings.running') : duration((entry.endedAt - entry.startedAt) * 1000),
          ...(entry.bytes > 0 ? [size(entry.bytes)] : []),
          t('recordings.deleted', { date: date(entry.deleteAt) }),
        ].join(' · ')}
      </p>
      {fault.value !== null && (
        <p class="problem" role="alert" data-testid="recording-fault">
          <Icon name="alert" />
          <span class="problem-text">{faultText(fault.value)}</span>
        </p>
      )}
      {playing.value ? (
        <Viewer archive={archive} id={id} keyOf={keyOf} quiet={asked !== null} opened={changed} erased={changed} />
      ) : (
        <button
          type="button"
          class="button button-primary"
          data-testid="recording-play"
          aria-label={t('recordings.playOf', { date: when })}
          onClick={() => {
            playing.value = true
          }}
        >
          <Icon name="play" />
          {t('recordings.play')}
        </button>
      )}
      <div class="recording-tools" role="group" aria-label={when}>
        <button type="button" class="button button-secondary" data-testid="recording-export" onClick={ask('export')}>
          <Icon name="download" />
          {t('recordings.export')}
        </button>
        <button type="button" class="button button-secondary" data-testid="recording-grant" onClick={ask('grant')}>
          <Icon name="key" />
          {t('recordings.grant')}
        </button>
        <button type="button" class="button button-quiet" data-testid="recording-erase" onClick={ask('erase')}>
          <Icon name="close" />
          {t('recordings.erase')}
        </button>
      </div>
      <Grants grants={entry.grants} revoke={(revoke) => ask({ revoke })} />
      <Accesses entry={entry} />
      {asked === 'export' && <ExportDialog archive={archive} id={id} keyOf={keyOf} startedAt={entry.startedAt} close={ask(null)} />}
      {asked === 'grant' && <GrantDialog archive={archive} id={id} keyOf={keyOf} close={ask(null)} changed={changed} />}
      {asked === 'erase' && (
        <Confirm
          title={t('recordings.eraseTitle')}
          text={t('recordings.eraseHelp', { date: when })}
          action={t('recordings.erase')}
          testId="recording-erase-confirm"
          act={() => void attempt(() => archive.erase(id))}
          close={ask(null)}
        />
      )}
      {asked !== null && typeof asked === 'object' && (
        <Confirm
          title={t('recordings.revoke')}
          text={t('recordings.revokeHelp')}
          action={t('recordings.revoke')}
          testId="recording-revoke-confirm"
          act={() => void attempt(() => archive.revoke(id, asked.revoke.id))}
          close={ask(null)}
        />
      )}
    </li>
  )
}

/** Links that were given, good ones first to be ended. */
function Grants({ grants, revoke }: { grants: readonly Grant[]; revoke: (grant: Grant) => () => void }) {
  if (grants.length === 0) return null
  return (
    <ul class="recording-grants" aria-label={t('recordings.grants')} data-testid="recording-grants">
      {grants.map((grant) => (
        <li key={grant.id} data-revoked={String(grant.revokedAt !== null)}>
          <span>
            {grant.revokedAt === null
              ? t('recordings.grantSince', { date: date(grant.createdAt) })
              : t('recordings.grantRevoked', { date: date(grant.revokedAt) })}
          </span>
          {grant.revokedAt === null && (
            <button type="button" class="button button-quiet" data-testid="recording-revoke" onClick={revoke(grant)}>
              {t('recordings.revoke')}
            </button>
          )}
        </li>
      ))}
    </ul>
  )
}

function Accesses({ entry: { accesses } }: { entry: RecordingEntry }) {
  return (
    <details class="recording-accesses" data-testid="recording-accesses">
      <summary>{tn('recordings.accesses', accesses.length)}</summary>
      <ul>
        {accesses.map(({ at, by }, index) => (
          <li key={`${at}-${index}`}>{t(by === 'moderator' ? 'recordings.accessModerator' : 'recordings.accessGrant', { date: date(at) })}</li>
        ))}
      </ul>
    </details>
  )
}

/** What opens a recording, for whoever holds the moderator link. */
async function keyFor({ access }: Archive, id: string): Promise<Uint8Array<ArrayBuffer>> {
  const salt = fromBase64Url(id)
  if (access.kind === 'grant' || salt === null) throw new TypeError('no moderator link')
  return deriveRecordingKey(access.secret, salt)
}

/** A moment (seconds since 1970) as people write it. */
export function date(seconds: number): string {
  return new Intl.DateTimeFormat(language.value, { dateStyle: 'long', timeStyle: 'short' }).format(seconds * 1000)
}

/** Hours, minutes and seconds. */
export function duration(ms: number): string {
  const whole = Math.floor(ms / 1000)
  const two = (part: number) => String(part).padStart(2, '0')
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`
}

function size(bytes: number): string {
  const unit = bytes < 1e6 ? 'kilobyte' : 'megabyte'
  const value = bytes / (unit === 'kilobyte' ? 1e3 : 1e6)
  return new Intl.NumberFormat(language.value, { style: 'unit', unit, maximumFractionDigits: value < 10 ? 1 : 0 }).format(value)
}

// The page of recordings: of a room, for whoever holds its moderator link; or of one recording, for
// whoever was given a link to it.

import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { t } from '../../i18n'
import { type Access, type GrantAccess, parseAccess } from '../../recordings/access'
import { Archive, type Receipt, type RecordingEntry, type RecordingList } from '../../recordings/archive'
import { isGoodReceipt } from '../../recordings/journal'
import { Icon } from '../icons'
import { ProblemCard } from '../problem'
import { Screen } from '../screen'
import { faultText } from './fault'
import { date, RecordingCard } from './recording-card'
import { Viewer } from './viewer'
import '../../styles/recordings.css'
import '../../styles/recording.css'

/** The page; what it shows depends on the fragment of its address. */
export default function Recordings() {
  const access = useSignal<Access | null>(parseAccess(location.hash)).value
  return (
    <Screen name="recordings" title={t(access?.kind === 'grant' ? 'recordings.one' : 'recordings.title')}>
      <div class="stack recordings" data-testid="recordings-page">
        {access === null && <ProblemCard problem="link_incomplete" />}
        {access?.kind === 'moderator' && <OfRoom archive={new Archive(access)} />}
        {access?.kind === 'grant' && <Granted access={access} />}
      </div>
    </Screen>
  )
}

function OfRoom({ archive: made }: { archive: Archive }) {
  const archive = useSignal(made).value
  const list = useSignal<RecordingList | null>(null)
  const fault = useSignal<unknown>(null)
  const load = async () => {
    try {
      list.value = await archive.list()
      fault.value = null
    } catch (cause) {
      fault.value = cause
    }
  }
  useEffect(() => {
    void load()
  }, [])
  if (fault.value !== null && list.value === null) return <Fault fault={fault.value} />
  if (list.value === null) return <p class="loading">{t('common.loading')}</p>
  const { recordings, receipts } = list.value
  return (
    <>
      <p class="lead">{t('recordings.lead')}</p>
      {recordings.length === 0 && (
        <p class="card soft" data-testid="recordings-empty">
          {t('recordings.none')}
        </p>
      )}
      {recordings.length > 0 && (
        <ul class="recording-list">
          {recordings.map((entry: RecordingEntry) => (
            <RecordingCard key={entry.id} archive={archive} entry={entry} changed={() => void load()} />
          ))}
        </ul>
      )}
      {receipts.length > 0 && <Receipts receipts={receipts} signingKey={list.value.signingKey} />}
    </>
  )
}

/** What was deleted, by the server's signed word. */
function Receipts({ receipts, signingKey }: { receipts: readonly Receipt[]; signingKey: string }) {
  const good = useSignal<readonly Receipt[]>([])
  useEffect(() => {
    const check = async (receipt: Receipt) => ((await isGoodReceipt(receipt, signingKey).catch(() => false)) ? [receipt] : [])
    void Promise.all(receipts.map(check)).then((checked) => {
      good.value = checked.flat()
    })
  }, [receipts])
  return (
    <details class="receipts" data-testid="recording-receipts">
      <summary>{t('recordings.receipts')}</summary>
      <ul>
        {receipts.map((receipt) => (
          <li key={receipt.signature} data-good={String(good.value.includes(receipt))}>
            {t('recordings.receipt', { date: date(receipt.at), recording: receipt.recording.slice(0, 6) })}{' '}
            <span class="help">{t(good.value.includes(receipt) ? 'recordings.receiptGood' : 'recordings.receiptDoubtful')}</span>
          </li>
        ))}
      </ul>
    </details>
  )
}

/** One recording, and nothing of any other. */
function Granted({ access }: { access: GrantAccess }) {
  const archive = useSignal(new Archive(access)).value
  const playing = useSignal(false)
  return (
    <>
      <p class="lead">{t('recordings.grantLead')}</p>
      {playing.value ? (
        <Viewer archive={archive} id={access.recording} keyOf={() => Promise.resolve(access.key)} quiet={false} erased={null} />
      ) : (
        <button
          type="button"
          class="button button-primary"
          data-testid="recording-play"
          onClick={() => {
            playing.value = true
          }}
        >
          <Icon name="play" />
          {t('recordings.play')}
        </button>
      )}
    </>
  )
}

function Fault({ fault }: { fault: unknown }) {
  return (
    <p class="problem" role="alert" data-testid="recordings-fault">
      <Icon name="alert" />
      <span class="problem-text">{faultText(fault)}</span>
    </p>
  )
}

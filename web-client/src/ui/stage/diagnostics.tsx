// The connection of this page: a switch for poor ones, and the numbers that matter, looked at anew
// every second. Nothing of it is read out by itself.

import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { diagnose, type Diagnosis, type Snapshot } from '../../call/diagnostics'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { CopyText } from '../copy-text'
import { Dialog } from '../dialog'
import { SavingSwitch } from '../saving-switch'
import { diagnosisReport, encryptionRows, numbersOf, receivedRows, sentRows } from './diagnosis-text'
import '../../styles/diagnostics.css'

/** The dialog behind the state of the connection. */
export default function Diagnostics({ call, close }: { call: Call; close: () => void }) {
  const diagnosis = useDiagnosis(call)
  const names = new Map(call.state.value.participants.map(({ id, displayName }) => [id, displayName]))
  return (
    <Dialog title={t('diagnostics.title')} close={close}>
      <div class="diagnostics" data-testid="diagnostics">
        <SavingSwitch call={call} />
        {diagnosis === null ? (
          <p>{t('common.loading')}</p>
        ) : (
          <>
            <h3>{t('diagnostics.numbers')}</h3>
            <dl class="numbers">
              {numbersOf(diagnosis).map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
            <Table title={t('diagnostics.received')} first={t('diagnostics.who')} rows={receivedRows(diagnosis, (id) => names.get(id) ?? '')} />
            <Table title={t('diagnostics.sent')} first={t('diagnostics.layer')} rows={sentRows(diagnosis)} />
            <EncryptionTable call={call} diagnosis={diagnosis} />
            <p class="help">{t('report.help')}</p>
            <CopyText
              label={t('report.title')}
              value={diagnosisReport(diagnosis, new Date())}
              action="report.copy"
              done="report.copied"
              testId="diagnostics-report"
            />
          </>
        )}
        <p>
          <a href="/test" target="_blank" rel="noopener">
            {t('test.open')}
          </a>
        </p>
      </div>
      <div class="actions">
        <button type="button" class="button button-secondary" data-testid="diagnostics-close" onClick={close}>
          {t('common.close')}
        </button>
      </div>
    </Dialog>
  )
}

function useDiagnosis(call: Call): Diagnosis | null {
  const diagnosis = useSignal<Diagnosis | null>(null)
  useEffect(() => {
    let before: Snapshot | null = null
    let open = true
    const look = async () => {
      const now = await call.snapshot()
      if (!open) return
      diagnosis.value = now === null ? null : diagnose(before, now)
      before = now
    }
    void look()
    const timer = setInterval(() => void look(), LOOK_EVERY_MS)
    return () => {
      open = false
      clearInterval(timer)
    }
  }, [])
  return diagnosis.value
}

function Table({ title, first, rows }: { title: string; first: string; rows: string[][] }) {
  if (rows.length === 0) {
    return (
      <>
        <h3>{title}</h3>
        <p class="help">{t('diagnostics.none')}</p>
      </>
    )
  }
  return (
    <table class="figures">
      <caption>{title}</caption>
      <thead>
        <tr>
          {[first, t('diagnostics.size'), t('diagnostics.rate'), t('diagnostics.codec')].map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([name = '', ...cells], index) => (
          <tr key={index}>
            <th scope="row">{name}</th>
            {cells.map((cell, column) => (
              <td key={column}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function EncryptionTable({ call, diagnosis }: { call: Call; diagnosis: Diagnosis }) {
  const encryption = call.encryption.value
  if (encryption === null) return null
  return (
    <table class="figures" data-testid="e2ee-counters">
      <caption>{t('diagnostics.encryption')}</caption>
      <thead>
        <tr>
          {[t('diagnostics.who'), t('diagnostics.decrypted'), t('diagnostics.dropped'), t('diagnostics.clear')].map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {encryptionRows(diagnosis, encryption, call.state.value.participants).map(({ name, state, good, dropped, clear }, index) => (
          <tr key={index} data-testid="e2ee-state" data-state={state} data-good={good} data-clear={clear}>
            <th scope="row">
              <bdi>{name}</bdi>
            </th>
            <td>{state === 'member' ? good : t('diagnostics.noKeys')}</td>
            <td>{dropped}</td>
            <td>{clear}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Lower: numbers too restless to read. */
const LOOK_EVERY_MS = 1_000

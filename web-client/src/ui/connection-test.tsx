// The connection test: what a support desk asks for. Runs by itself, opens no device.

import { useSignal } from '@preact/signals'
import { useEffect, useId } from 'preact/hooks'
import { type Step, type StepName, STEPS, testConnection, type TestResult, UNTESTED, verdictOf } from '../call/connection-test'
import type { Probing } from '../call/connection-test'
import { BrowserProbing } from '../call/probing'
import { t } from '../i18n'
import { CopyText } from './copy-text'
import { Icon, type IconName } from './icons'
import { Screen } from './screen'
import { adminHelp, causeHelp, causeTitle, testReport } from './test-report'
import '../styles/connection-test.css'

/** The page of the test. `makeProbing` stands in for the network where there is none. */
export default function ConnectionTest({ makeProbing = () => new BrowserProbing() }: { makeProbing?: () => Probing }) {
  const result = useSignal<TestResult>(UNTESTED)
  const round = useSignal(0)
  const id = useId()
  useEffect(() => {
    const probing = makeProbing()
    let current = true
    void testConnection(probing, (next) => {
      if (current) result.value = next
    })
    return () => {
      current = false
      probing.end()
    }
  }, [round.value])
  const verdict = verdictOf(result.value)
  const problems = STEPS.map((name) => result.value.steps[name]).filter(({ cause }) => cause !== null)
  return (
    <Screen name="test" title={t('test.title')}>
      <p class="lead">{t('test.lead')}</p>
      <ol class="steps" aria-label={t('test.steps')}>
        {STEPS.map((name) => (
          <StepLine key={name} name={name} step={result.value.steps[name]} />
        ))}
      </ol>
      <p class="verdict" role="status" data-testid="test-verdict" data-verdict={verdict}>
        {t(`test.verdict.${verdict}`)}
      </p>
      {problems.map((step) => (
        <Remedy key={step.cause} step={step} result={result.value} />
      ))}
      {verdict !== 'running' && (
        <>
          <button
            type="button"
            class="button button-secondary"
            data-testid="test-again"
            onClick={() => {
              result.value = UNTESTED
              round.value += 1
            }}
          >
            <Icon name="retry" />
            {t('test.again')}
          </button>
          <section class="stack" aria-labelledby={id}>
            <h2 id={id}>{t('report.title')}</h2>
            <p class="help">{t('report.help')}</p>
            <CopyText
              label={t('report.title')}
              value={testReport(result.value, new Date())}
              action="report.copy"
              done="report.copied"
              testId="test-report"
            />
          </section>
        </>
      )}
    </Screen>
  )
}

function StepLine({ name, step }: { name: StepName; step: Step }) {
  const icon = ICONS[step.state]
  return (
    <li class="step" data-testid={`test-step-${name}`} data-state={step.state}>
      <span class="step-mark">{icon !== null && <Icon name={icon} />}</span>
      <span class="step-name">{t(`test.step.${name}`)}</span>
      <span class="step-state">
        {t(`test.state.${step.state}`)}
        {step.roundTrip !== null && <span class="step-time">{t('test.time', { milliseconds: Math.round(step.roundTrip) })}</span>}
      </span>
    </li>
  )
}

/** What went wrong at one step, and what to do: for the person, and for who runs the network. */
function Remedy({ step, result }: { step: Step; result: TestResult }) {
  const { cause, state } = step
  if (cause === null) return null
  const admin = adminHelp(cause, result)
  return (
    <div class={state === 'failed' ? 'problem' : 'problem problem-waiting'} data-testid="test-problem" data-problem={cause}>
      <Icon name="alert" />
      <div class="problem-text stack">
        <p class="strong">{causeTitle(cause)}</p>
        <p>{causeHelp(cause)}</p>
        {admin !== null && (
          <p>
            <span class="strong">{t('test.forAdmin')}</span> {admin}
          </p>
        )}
      </div>
    </div>
  )
}

const ICONS: Record<Step['state'], IconName | null> = {
  waiting: null,
  running: null,
  good: 'check',
  doubtful: 'alert',
  failed: 'close',
  skipped: null,
  closed: null,
}

// The administrator's page: what `preau doctor` says of the server, and whether this browser reaches it.

import { useSignal } from '@preact/signals'
import { useEffect, useId } from 'preact/hooks'
import { ApiError, fetchDoctorReport } from '../api'
import { BrowserProbing } from '../call/probing'
import { type Reaching, type Road, tryRoads } from '../call/reach'
import type { Problem } from '../call/state'
import { language, t } from '../i18n'
import type { DoctorFinding, DoctorLevel } from '../protocol/generated'
import { Icon, type IconName } from './icons'
import { ProblemCard } from './problem'
import { Screen } from './screen'
import '../styles/connection-test.css'

/** The page of `preau doctor --page`. `pass`: of its link. `makeReaching` stands in for the network where
 * there is none. */
export default function Doctor({ pass, makeReaching = () => new BrowserProbing() }: { pass: string | null; makeReaching?: () => Reaching }) {
  const findings = useSignal<readonly DoctorFinding[] | null>(null)
  const problem = useSignal<Problem | 'expired' | null>(null)
  const round = useSignal(0)
  const id = useId()
  useEffect(() => {
    let current = true
    const ask = pass === null ? Promise.reject(new ApiError('not_allowed')) : fetchDoctorReport(pass, language.value)
    ask.then(
      (report) => {
        if (!current) return
        problem.value = null
        findings.value = report.findings
      },
      (error: unknown) => {
        if (!current) return
        const code = error instanceof ApiError ? error.code : 'internal'
        problem.value = code === 'not_allowed' ? 'expired' : code
      },
    )
    return () => {
      current = false
    }
  }, [round.value, language.value])
  return (
    <Screen name="doctor" title={t('doctor.title')}>
      <p class="lead">{t('doctor.lead')}</p>
      {problem.value === 'expired' && <Expired />}
      {problem.value !== null && problem.value !== 'expired' && <ProblemCard problem={problem.value} />}
      {findings.value !== null && problem.value === null && (
        <section class="stack" aria-labelledby={id}>
          <h2 id={id}>{t('doctor.server')}</h2>
          <ol class="steps">
            {findings.value.map((finding) => (
              <Line key={finding.text} finding={finding} />
            ))}
          </ol>
        </section>
      )}
      {findings.value !== null && problem.value === null && (
        <section class="stack" aria-labelledby={`${id}-roads`}>
          <h2 id={`${id}-roads`}>{t('doctor.roads')}</h2>
          <Roads key={round.value} makeReaching={makeReaching} />
          <button
            type="button"
            class="button button-secondary"
            data-testid="doctor-again"
            onClick={() => {
              round.value += 1
            }}
          >
            <Icon name="retry" />
            {t('doctor.again')}
          </button>
        </section>
      )}
    </Screen>
  )
}

/** Each way to each address of the server, tried once. */
function Roads({ makeReaching }: { makeReaching: () => Reaching }) {
  const roads = useSignal<readonly Road[]>([])
  const problem = useSignal<Problem | null>(null)
  useEffect(() => {
    const reaching = makeReaching()
    let current = true
    tryRoads(reaching, (next) => {
      if (current) roads.value = next
    }).catch(() => {
      if (current) problem.value = 'server_unreachable'
    })
    return () => {
      current = false
      reaching.end()
    }
  }, [])
  if (problem.value !== null) return <ProblemCard problem={problem.value} />
  return (
    <ol class="steps">
      {roads.value.map((road) => (
        <RoadLine key={`${road.way} ${road.address ?? ''}`} road={road} />
      ))}
    </ol>
  )
}

function RoadLine({ road: { way, address, state, roundTrip } }: { road: Road }) {
  const icon = ROAD_ICONS[state]
  return (
    <li class="step" data-testid={`doctor-way-${way}`} data-state={state}>
      <span class="step-mark">{icon !== null && <Icon name={icon} />}</span>
      <div class="step-name">
        <p>{t(`doctor.way.${way}`, { place: address ?? location.host })}</p>
        {state === 'failed' && <p class="step-cure">{t(`doctor.wayCure.${way}`)}</p>}
      </div>
      <span class="step-state">
        {t(`test.state.${state}`)}
        {roundTrip !== null && <span class="step-time">{t('test.time', { milliseconds: Math.round(roundTrip) })}</span>}
      </span>
    </li>
  )
}

function Line({ finding: { check, level, text, cure } }: { finding: DoctorFinding }) {
  return (
    <li class="step" data-testid={`doctor-${check}`} data-state={STATES[level]}>
      <span class="step-mark">
        <Icon name={ICONS[level]} />
      </span>
      <div class="step-name">
        <p>{text}</p>
        {cure !== null && (
          <p class="step-cure" data-testid="doctor-cure">
            {cure}
          </p>
        )}
      </div>
      <span class="step-state">{t(`doctor.level.${level}`)}</span>
    </li>
  )
}

function Expired() {
  return (
    <div class="problem" role="alert" data-testid="error-message" data-problem="expired">
      <Icon name="alert" />
      <div class="problem-text">
        <p class="strong">{t('doctor.expired')}</p>
        <p>{t('doctor.expiredHelp')}</p>
      </div>
    </div>
  )
}

const STATES = { ok: 'good', warn: 'doubtful', fail: 'failed' } as const satisfies Record<DoctorLevel, string>
const ICONS: Record<DoctorLevel, IconName> = { ok: 'check', warn: 'alert', fail: 'close' }
const ROAD_ICONS: Record<Road['state'], IconName | null> = { running: null, good: 'check', failed: 'close', skipped: null }

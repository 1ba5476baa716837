// What went wrong, in words a pupil understands, with what to do.

import type { EarlyCall } from '../call/early'
import type { Call } from '../call/store'
import type { Problem } from '../call/state'
import { inLanguage, t } from '../i18n'
import { Icon } from './icons'

/** Short statement of what happened. */
export function problemTitle(problem: Problem): string {
  return t(`error.${problem}.title`)
}

/** What the person can do about it. */
export function problemHelp(problem: Problem): string {
  return t(`error.${problem}.help`, { host: location.hostname })
}

/** A problem inside a screen that goes on. */
export function ProblemCard({ problem, dismiss }: { problem: Problem; dismiss?: () => void }) {
  return (
    <div class="problem" role="alert" data-testid="error-message" data-problem={problem}>
      <Icon name="alert" />
      <div class="problem-text">
        <p class="strong">{problemTitle(problem)}</p>
        <p>{problemHelp(problem)}</p>
        <TestLink problem={problem} />
        {RELOADS.has(problem) && (
          <button
            type="button"
            class="button button-secondary"
            data-testid="problem-reload"
            onClick={() => {
              location.reload()
            }}
          >
            <Icon name="retry" />
            {t('common.reload')}
          </button>
        )}
      </div>
      {dismiss !== undefined && (
        <button type="button" class="button button-icon" aria-label={t('notice.dismiss')} onClick={dismiss}>
          <Icon name="close" />
        </button>
      )}
    </div>
  )
}

/** Leads to the connection test where it can tell more; beside the page, which may be a call. */
export function TestLink({ problem }: { problem: Problem }) {
  if (!TESTABLE.has(problem)) return null
  return (
    <p>
      <a href={inLanguage('/test')} target="_blank" rel="noopener" data-testid="test-link">
        {t('test.open')}
      </a>
    </p>
  )
}

/** Where only a fresh page helps. */
export const RELOADS: ReadonlySet<Problem> = new Set(['protocol_version', 'malformed', 'already_joined', 'not_joined', 'encryption_stopped'])

/** What the connection test can find the cause of. */
const TESTABLE: ReadonlySet<Problem> = new Set(['server_unreachable', 'media_blocked', 'offer_invalid', 'browser_unsupported'])

/** The latest things to tell, newest first: on a small screen the rest may be out of sight. */
export function Notices({ call }: { call: Call | EarlyCall }) {
  const notices = [...call.state.value.notices].reverse()
  return (
    <div class="notices">
      {notices.map(({ key, problem }) => (
        <ProblemCard
          key={key}
          problem={problem}
          dismiss={() => {
            call.dismissNotice(key)
          }}
        />
      ))}
    </div>
  )
}

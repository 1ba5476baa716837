import type { Problem } from '../call/state'
import { inLanguage, t } from '../i18n'
import { FailureContacts } from './contacts'
import { Icon } from './icons'
import { problemHelp, problemTitle, RELOADS, TestLink } from './problem'
import { Screen } from './screen'

/** A page that cannot go on: what happened, what to do, and a button when one helps. */
export function Failure({ problem, retry }: { problem: Problem; retry: (() => void) | null }) {
  const reload = RELOADS.has(problem)
  return (
    <Screen name="failure" title={problemTitle(problem)}>
      <div class="stack" role="alert" data-testid="error-message" data-problem={problem}>
        <p class="lead">{problemHelp(problem)}</p>
        <TestLink problem={problem} />
        <FailureContacts />
        {FINAL.has(problem) && (
          <a class="button button-primary" href={inLanguage('/')} data-testid="failure-home">
            {t('common.home')}
          </a>
        )}
        {(reload || retry !== null) && (
          <button
            type="button"
            class={FINAL.has(problem) ? 'button button-quiet' : 'button button-primary'}
            data-testid="retry"
            onClick={() => {
              if (reload || retry === null) location.reload()
              else retry()
            }}
          >
            <Icon name="retry" />
            {t(reload ? 'common.reload' : 'common.retry')}
          </button>
        )}
      </div>
    </Screen>
  )
}

/** Trying again with the same link hardly helps. */
const FINAL: ReadonlySet<Problem> = new Set<Problem>(['join_refused', 'link_ended', 'link_incomplete'])

/** An address of ours that leads nowhere. */
export function Unknown() {
  return (
    <Screen name="failure" title={t('unknown.title')}>
      <div class="stack" data-testid="error-message">
        <p class="lead">{t('unknown.text')}</p>
        <FailureContacts />
        <a class="button button-secondary" href={inLanguage('/')}>
          {t('common.home')}
        </a>
      </div>
    </Screen>
  )
}

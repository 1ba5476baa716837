import type { FunctionComponent } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { loadTexts, t } from '../i18n'
import { problemHelp, problemTitle } from './problem'

/** A part of the page that is fetched when it is first needed. */
export interface Lazy<Props> {
  /** Draws the part, once it is here. */
  Part: FunctionComponent<Props>
  /** Fetches it ahead of time. A failure shows when it is drawn. */
  preload: () => void
}

/** Makes a part lazy. `load` is one `import()`. */
export function lazy<Props extends object>(load: () => Promise<{ default: FunctionComponent<Props> }>): Lazy<Props> {
  let loading: Promise<FunctionComponent<Props>> | null = null
  const fetchPart = () => {
    loading ??= Promise.all([load(), loadTexts()]).then(
      ([module]) => module.default,
      (cause: unknown) => {
        loading = null
        throw cause
      },
    )
    return loading
  }
  const Part = (props: Props) => {
    const [part, setPart] = useState<{ is: FunctionComponent<Props> } | 'failed' | null>(null)
    useEffect(() => {
      fetchPart().then(
        (is) => {
          setPart({ is })
        },
        () => {
          setPart('failed')
        },
      )
    }, [])
    if (part === null) return <p class="loading">{t('common.loading')}</p>
    if (part === 'failed') return <NotFetched />
    return <part.is {...props} />
  }
  return {
    Part,
    preload: () => {
      fetchPart().catch(() => undefined)
    },
  }
}

/** The server went away, or was updated under an open page: loading the page again helps. */
function NotFetched() {
  return (
    <div class="problem" role="alert" data-testid="error-message" data-problem="server_unreachable">
      <div class="problem-text">
        <p class="strong">{problemTitle('server_unreachable')}</p>
        <p>{problemHelp('server_unreachable')}</p>
        <button
          type="button"
          class="button button-secondary"
          onClick={() => {
            location.reload()
          }}
        >
          {t('common.reload')}
        </button>
      </div>
    </div>
  )
}

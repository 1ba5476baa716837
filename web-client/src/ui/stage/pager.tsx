import { t } from '../../i18n'
import { Icon } from '../icons'
import { turnPages, type View } from './view'

/** What the pager shows. */
export interface PagerProps {
  view: View
  /** From 0. */
  page: number
  pages: number
}

/** Turns the pages of tiles. */
export function Pager({ view, page, pages }: PagerProps) {
  const button = (by: 1 | -1) => (
    <button
      type="button"
      class="pager-button"
      data-testid={by > 0 ? 'page-next' : 'page-previous'}
      aria-label={t(by > 0 ? 'page.next' : 'page.previous')}
      aria-disabled={by > 0 ? page === pages - 1 : page === 0}
      onClick={() => {
        turnPages(view, by)
      }}
    >
      <Icon name={by > 0 ? 'next' : 'previous'} />
    </button>
  )
  return (
    <div class="pager" role="group" aria-label={t('page.pages')}>
      <div class="pager-turn">
        {button(-1)}
        <p class="pager-text" role="status">
          <span class="pager-long" data-testid="page-number">
            {t('page.of', { page: page + 1, pages })}
          </span>
          <span class="pager-short" aria-hidden="true">
            {page + 1} / {pages}
          </span>
        </p>
        {button(1)}
      </div>
    </div>
  )
}

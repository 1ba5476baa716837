import { createPortal } from 'preact'
import { useEffect } from 'preact/hooks'
import { t } from '../i18n'
import type { PupilLine } from './pupil-sheet'
import { QrSquare } from './qr'

/** A sheet of slips to cut out, one for each person; seen on paper alone. */
export default function Paper({ title, lines, done }: { title: string; lines: readonly PupilLine[]; done: () => void }) {
  useEffect(() => {
    addEventListener('afterprint', done, { once: true })
    print()
    return () => {
      removeEventListener('afterprint', done)
    }
  }, [])
  return createPortal(
    <section class="paper" data-testid="paper" aria-hidden="true">
      <h1>{title}</h1>
      <p>{t('links.paperHelp')}</p>
      <ul>
        {lines.map(({ name, link }) => (
          <li key={link}>
            <QrSquare text={link} />
            <div>
              <strong>
                <bdi>{name}</bdi>
              </strong>
              <span>{link}</span>
            </div>
          </li>
        ))}
      </ul>
    </section>,
    document.body,
  )
}

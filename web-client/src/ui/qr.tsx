import { useMemo } from 'preact/hooks'
import { encode } from 'uqr'
import { t } from '../i18n'

/** A QR code of the guest link, with what it is for. */
export default function QrCode({ text }: { text: string }) {
  return (
    <figure class="qr">
      <QrSquare text={text} />
      <figcaption class="help">{t('qr.help')}</figcaption>
    </figure>
  )
}

/** A QR code of `text`, always dark on light so that every reader finds it. */
export function QrSquare({ text }: { text: string }) {
  const { size, path } = useMemo(() => draw(text), [text])
  return (
    <svg class="qr-code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={t('qr.label')} shape-rendering="crispEdges">
      <path d={path} />
    </svg>
  )
}

/** The dark squares as one path: each run of a row is one rectangle. */
function draw(text: string): { size: number; path: string } {
  // The quiet zone of 4 squares is what readers ask for (ISO/IEC 18004, 9.1).
  const { size, data } = encode(text, { border: 4, ecc: 'M' })
  const runs: string[] = []
  data.forEach((row, y) => {
    for (let x = 0; x < size; ) {
      let end = x
      while (row[end] === true) end += 1
      if (end > x) runs.push(`M${x} ${y}h${end - x}v1h-${end - x}z`)
      x = end + 1
    }
  })
  return { size, path: runs.join('') }
}

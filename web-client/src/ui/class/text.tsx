import { piecesOf } from './written'

/** A text somebody wrote, with addresses one can follow. They open elsewhere and learn nothing of
 * this page, whose own address holds a secret. */
export function WrittenText({ text }: { text: string }) {
  return (
    <p class="written">
      {piecesOf(text).map((piece, index) =>
        piece.href === null ? (
          piece.text
        ) : (
          <a key={index} href={piece.href} target="_blank" rel="noopener noreferrer">
            {piece.text}
          </a>
        ),
      )}
    </p>
  )
}

// What stands at the top of a tile: a raised hand, and why the picture is not as usual.

import type { Participant } from '../../call/state'
import type { Call } from '../../call/store'
import { t, type TextKey } from '../../i18n'
import { Icon } from '../icons'
import { usePart } from './view'

/** What the marks need. */
export interface TileMarksProps {
  call: Call
  participant: Participant
  /** Why there is no picture, or no person for the moment. */
  note: TextKey | null
}

/** Marks at the top of a tile. */
export function TileMarks({ call, participant: { id, isSelf, active }, note }: TileMarksProps) {
  const place = usePart(call, ({ life }) => life.hands.indexOf(id) + 1)
  const forModerators = usePart(call, ({ moderatorsOnly }) => moderatorsOnly) && isSelf && active.has('camera')
  return (
    <div class="tile-marks">
      {place > 0 && (
        <p class="tile-hand" data-testid="tile-hand">
          <Icon name="hand" />
          <span aria-hidden="true">{place}</span>
          <span class="visually-hidden">{t('tile.hand', { place })}</span>
        </p>
      )}
      {forModerators && (
        <p class="tile-note" data-testid="tile-private">
          <Icon name="lock" />
          <span>{t('only.tile')}</span>
        </p>
      )}
      {note !== null && (
        <p class="tile-note" data-testid="tile-note">
          <Icon name="away" />
          <span>{t(note)}</span>
        </p>
      )}
    </div>
  )
}

// What is looked at: people, and the screen somebody shares.

import { useRef } from 'preact/hooks'
import { nearby } from '../../call/state'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Icon } from '../icons'
import { useTileGrid } from './measure'
import { SharedScreen, useSharer } from './screen-share'
import { Tile } from './tile'

/** What the pictures need. */
export interface PicturesProps {
  call: Call
  /** Opens the field for another pseudonym. */
  rename: () => void
  /** Shows the link to send; `null` for those who have none. */
  invite: (() => void) | null
}

/** Everybody's picture, and a shared screen. */
export function Pictures({ call, rename, invite }: PicturesProps) {
  const everybody = call.state.value.participants
  const participants = nearby(everybody)
  const inGroups = everybody.length > participants.length
  const sharer = useSharer(call)
  const tiles = useRef<HTMLUListElement>(null)
  useTileGrid(tiles, participants.length)
  return (
    <div class="pictures" data-sharing={String(sharer.shown !== null)} data-alone={String(participants.length === 1)}>
      {sharer.shown !== null && <SharedScreen key={sharer.shown.id} call={call} sharer={sharer} />}
      <ul ref={tiles} class="tiles" aria-label={t('call.stage')}>
        {participants.map((participant) => (
          <Tile key={participant.id} call={call} participant={participant} rename={rename} />
        ))}
      </ul>
      {participants.length === 1 && (
        <div class="alone">
          <p class="strong">{t(inGroups ? 'group.elsewhere' : 'call.alone')}</p>
          {!inGroups && <p>{t(invite === null ? 'call.aloneGuest' : 'call.aloneModerator')}</p>}
          {!inGroups && invite !== null && (
            <button type="button" class="button button-secondary" onClick={invite}>
              <Icon name="invite" />
              {t('call.invite')}
            </button>
          )}
        </div>
      )}
    </div>
  )
}

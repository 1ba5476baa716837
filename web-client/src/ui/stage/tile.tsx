// One participant: picture or initials, name, microphone.

import { useRef } from 'preact/hooks'
import type { Call } from '../../call/store'
import type { Participant } from '../../call/state'
import { t } from '../../i18n'
import { Icon } from '../icons'
import { Video } from '../video'
import { initials, tint } from './face'
import { useShownHeight } from './measure'

/** What a tile shows. */
export interface TileProps {
  call: Call
  participant: Participant
  /** Opens the field for another pseudonym; only the own tile offers it. */
  rename: () => void
}

/** One tile of the grid or of the strip. */
export function Tile({ call, participant, rename }: TileProps) {
  const ref = useRef<HTMLLIElement>(null)
  const { id, displayName, isSelf, away, active } = participant
  const camera = active.has('camera')
  const microphone = active.has('microphone')
  const speaking = microphone && call.speaking.value.has(id)
  useShownHeight(ref, call, id, 'camera', camera)
  return (
    <li
      ref={ref}
      class="tile"
      data-testid="tile"
      data-participant={id}
      data-self={String(isSelf)}
      data-name={displayName}
      data-tint={tint(id)}
      data-camera={camera ? 'on' : 'off'}
      data-away={String(away)}
      data-speaking={String(speaking)}
    >
      {camera ? (
        <Video
          stream={call.mediaStreamFor(id, 'camera')}
          label={t('tile.video', { name: displayName })}
          mirrored={isSelf}
          testId="tile-video"
        />
      ) : (
        <span class="face" aria-hidden="true">
          {initials(displayName)}
        </span>
      )}
      <p class="tile-label">
        <span class="tile-mute" data-on={String(microphone)}>
          <Icon name={microphone ? 'microphone' : 'microphoneOff'} />
          <span class="visually-hidden">{t(microphone ? 'tile.unmuted' : 'tile.muted')}</span>
        </span>
        <span class="tile-name">{isSelf ? t('tile.you', { name: displayName }) : displayName}</span>
        {isSelf && (
          <button type="button" class="tile-rename" data-testid="rename" aria-label={t('people.rename')} onClick={rename}>
            <Icon name="edit" />
          </button>
        )}
      </p>
      {away && (
        <p class="tile-away">
          <Icon name="away" />
          <span>{t('tile.away')}</span>
        </p>
      )}
    </li>
  )
}

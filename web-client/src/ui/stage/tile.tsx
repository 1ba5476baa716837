// One participant: picture or initials, name, microphone.

import { useRef } from 'preact/hooks'
import { type Call, pictureKey } from '../../call/store'
import type { Participant, ParticipantId } from '../../call/state'
import { t, type TextKey } from '../../i18n'
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
  const { id, displayName, isSelf, away, active, quality } = participant
  const camera = active.has('camera')
  const microphone = active.has('microphone')
  const speaking = microphone && call.speaking.value.has(id)
  const note = camera && !isSelf ? absence(call, id) : null
  useShownHeight(ref, call, id, 'camera')
  return (
    <li
      ref={ref}
      class="tile"
      data-testid="tile"
      data-participant={id}
      data-self={String(isSelf)}
      data-name={displayName}
      data-tint={tint(id)}
      data-camera={camera && note === null ? 'on' : 'off'}
      data-away={String(away)}
      data-speaking={String(speaking)}
    >
      {camera && note === null ? (
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
        {quality !== 'good' && !away && (
          <span class="tile-quality" data-testid="quality" data-quality={quality}>
            {/* What is missing stays visible, pale. */}
            <Icon name="signal" />
            <Icon name={quality === 'fair' ? 'signalFair' : 'signalPoor'} />
            <span class="visually-hidden">{t(quality === 'fair' ? 'tile.fair' : 'tile.poor')}</span>
          </span>
        )}
        {isSelf && call.state.value.rights?.rename !== false && (
          <button type="button" class="tile-rename" data-testid="rename" aria-label={t('people.rename')} onClick={rename}>
            <Icon name="edit" />
          </button>
        )}
      </p>
      {isSelf && camera && call.state.value.moderatorsOnly && (
        <p class="tile-note" data-testid="tile-private">
          <Icon name="lock" />
          <span>{t('only.tile')}</span>
        </p>
      )}
      {(away || note !== null) && (
        <p class="tile-note" data-testid="tile-note">
          <Icon name="away" />
          <span>{t(away || note === null ? 'tile.away' : note)}</span>
        </p>
      )}
    </li>
  )
}

/** Why a camera that is on is not shown; `null` when it is. */
function absence(call: Call, id: ParticipantId): TextKey | null {
  if (call.state.value.saving) return 'tile.saving'
  const key = pictureKey(id, 'camera')
  if (call.unplayable.value.has(key)) return 'tile.unplayable'
  return call.heldBack.value.has(key) ? 'tile.heldBack' : null
}

// One participant: picture or initials, name, microphone, and what the room knows of them.

import { useComputed } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { type Call, pictureKey } from '../../call/store'
import type { Participant, ParticipantId } from '../../call/state'
import { t, type TextKey } from '../../i18n'
import { Icon } from '../icons'
import { Video } from '../video'
import { initials, tint } from './face'
import { useShownHeight } from './measure'
import { TileMarks } from './tile-marks'
import { TileTools } from './tile-tools'
import { usePart, type View } from './view'

/** What a tile shows. */
export interface TileProps {
  call: Call
  view: View
  participant: Participant
  /** Shown larger than the others. */
  large: boolean
  /** Opens the field for another pseudonym; only the own tile offers it. */
  rename: () => void
}

/** One tile. It is drawn again for what changes on it alone. */
export function Tile({ call, view, participant, large, rename }: TileProps) {
  const ref = useRef<HTMLLIElement>(null)
  const { id, displayName, isSelf, role, away, active, quality } = participant
  const camera = active.has('camera')
  const microphone = active.has('microphone')
  const speaking = useComputed(() => call.speaking.value.has(id)).value
  const missing = useComputed(() => absence(call, id)).value
  const spotlit = usePart(call, ({ life }) => life.spotlight === id)
  const mayRename = usePart(call, ({ rights }) => rights?.rename !== false) && isSelf
  const note = camera && !isSelf ? missing : null
  const showsCamera = camera && note === null
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
      data-camera={showsCamera ? 'on' : 'off'}
      data-away={String(away)}
      data-speaking={String(speaking && microphone)}
      data-large={String(large)}
      data-spotlight={String(spotlit)}
    >
      {showsCamera ? (
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
        {role === 'moderator' && <Mark icon="moderator" text="people.moderator" />}
        {spotlit && <Mark icon="spotlight" text="tile.spotlit" />}
        {quality !== 'good' && !away && (
          <span class="tile-quality" data-testid="quality" data-quality={quality}>
            {/* What is missing stays visible, pale. */}
            <Icon name="signal" />
            <Icon name={quality === 'fair' ? 'signalFair' : 'signalPoor'} />
            <span class="visually-hidden">{t(quality === 'fair' ? 'tile.fair' : 'tile.poor')}</span>
          </span>
        )}
        {mayRename && (
          <button type="button" class="tile-rename" data-testid="rename" aria-label={t('people.rename')} onClick={rename}>
            <Icon name="edit" />
          </button>
        )}
      </p>
      <TileMarks call={call} participant={participant} note={away ? 'tile.away' : note} />
      <TileTools call={call} view={view} participant={participant} spotlit={spotlit} />
    </li>
  )
}

function Mark({ icon, text }: { icon: 'moderator' | 'spotlight'; text: TextKey }) {
  return (
    <span class="tile-mark" title={t(text)}>
      <Icon name={icon} />
      <span class="visually-hidden">{t(text)}</span>
      {/* The same in a word, where the tile has room for it. */}
      {icon === 'moderator' && (
        <span class="tile-word" aria-hidden="true">
          {t('tile.moderator')}
        </span>
      )}
    </span>
  )
}

/** Why a camera that is on is not shown; `null` when it is. */
function absence(call: Call, id: ParticipantId): TextKey | null {
  if (call.state.value.saving) return 'tile.saving'
  const key = pictureKey(id, 'camera')
  if (call.unplayable.value.has(key)) return 'tile.unplayable'
  return call.heldBack.value.has(key) ? 'tile.heldBack' : null
}

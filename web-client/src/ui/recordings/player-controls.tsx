// Play, pause and the place: a button and a slider, which keyboards know how to use.

import { t } from '../../i18n'
import type { Player } from '../../recordings/player'
import { Icon } from '../icons'
import { duration } from './recording-card'

/** The line below the pictures. */
export function PlayerControls({ player }: { player: Player }) {
  const state = player.state.value
  const goesOn = state === 'playing' || state === 'waiting'
  // Whole seconds: the line is drawn anew once a second.
  const position = Math.floor(player.position.value / 1000) * 1000
  const clock = `${duration(position)} / ${duration(player.durationMs)}`
  return (
    <div class="player-controls">
      <button
        type="button"
        class="button button-secondary button-icon"
        data-testid="player-toggle"
        aria-label={t(goesOn ? 'recordings.pause' : 'recordings.resume')}
        onClick={() => {
          if (goesOn) player.pause()
          else player.play()
        }}
      >
        <Icon name={goesOn ? 'pause' : 'play'} />
      </button>
      <input
        class="player-seek"
        type="range"
        min={0}
        max={Math.max(1, Math.floor(player.durationMs / 1000))}
        step={1}
        value={position / 1000}
        data-testid="player-seek"
        aria-label={t('recordings.seek')}
        aria-valuetext={clock}
        onInput={(event) => {
          player.seek(Number(event.currentTarget.value) * 1000)
        }}
      />
      <span class="player-clock" aria-hidden="true" data-testid="player-clock">
        {clock}
      </span>
    </div>
  )
}

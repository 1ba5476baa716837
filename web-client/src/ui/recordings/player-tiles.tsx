// One tile for each picture and for each voice without one, as in the room.

import { useEffect, useRef } from 'preact/hooks'
import { t } from '../../i18n'
import type { OpenedRecording } from '../../recordings/opened'
import { pictureName, type Player } from '../../recordings/player'
import { initials, tint } from '../stage/face'

/** What one tile shows. */
interface Tile {
  readonly key: string
  readonly person: string
  readonly name: string
  readonly isScreen: boolean
}

/** The pictures, in step. */
export function PlayerTiles({ recording, player }: { recording: OpenedRecording; player: Player }) {
  const tiles = tilesOf(recording)
  const screens = tiles.filter(({ isScreen, key }) => isScreen && player.shown.value.has(key)).length
  return (
    <ul class="player-tiles" data-screens={screens} aria-label={t('recordings.tiles')}>
      {tiles.map((tile) => (
        <PlayerTile key={tile.key} tile={tile} player={player} />
      ))}
    </ul>
  )
}

function PlayerTile({ tile, player }: { tile: Tile; player: Player }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const { key, person, name, isScreen } = tile
  useEffect(() => {
    player.attach(key, canvas.current)
    return () => {
      player.attach(key, null)
    }
  }, [player, key])
  const shown = player.shown.value.has(key)
  const heard = !isScreen && player.heard.value.has(person)
  return (
    <li
      class="player-tile"
      data-testid="player-tile"
      data-person={person}
      data-tint={tint(person)}
      data-picture={String(shown)}
      data-heard={String(heard)}
      // A screen that is not shared now takes no place.
      hidden={isScreen && !shown}
    >
      <canvas ref={canvas} class="player-canvas" aria-label={t('tile.video', { name })} hidden={!shown} />
      {!shown && (
        <span class="face" aria-hidden="true">
          {initials(name)}
        </span>
      )}
      <span class="player-name">
        <bdi>{name}</bdi>
      </span>
    </li>
  )
}

function tilesOf({ persons, tracks }: OpenedRecording): readonly Tile[] {
  const screens = persons.filter(({ id }) => tracks.some(({ person, source }) => person === id && source === 'screen'))
  return [
    ...screens.map(({ id, name }) => ({ key: pictureName(id, 'screen'), person: id, name, isScreen: true })),
    ...persons.map(({ id, name }) => ({ key: pictureName(id, 'camera'), person: id, name, isScreen: false })),
  ]
}

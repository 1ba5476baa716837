// What one may do with a tile: pin it for oneself, show it large to everybody.

import type { Participant } from '../../call/state'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Icon, type IconName } from '../icons'
import { togglePin, usePart, type View } from './view'

/** What the tools need. */
export interface TileToolsProps {
  call: Call
  view: View
  participant: Participant
  /** This person is shown large to everybody. */
  spotlit: boolean
}

/** Buttons of a tile. They come out under a mouse or the focus, and stay where nothing hovers; one that
 * is on stays everywhere. */
export function TileTools({ call, view, participant: { id, displayName: name }, spotlit }: TileToolsProps) {
  const moderates = usePart(call, ({ role }) => role === 'moderator')
  const pinned = view.pins.value.includes(id)
  return (
    <div class="tile-tools">
      {moderates && (
        <Tool
          testId="spotlight"
          icon="spotlight"
          label={t('tile.spotlight', { name })}
          pressed={spotlit}
          act={() => {
            void call.ask({ type: 'set_spotlight', participant: spotlit ? null : id })
          }}
        />
      )}
      <Tool
        testId="pin"
        icon="pin"
        label={t('tile.pin', { name })}
        pressed={pinned}
        act={() => {
          togglePin(view, id)
        }}
      />
    </div>
  )
}

interface ToolProps {
  testId: string
  icon: IconName
  label: string
  pressed: boolean
  act: () => void
}

function Tool({ testId, icon, label, pressed, act }: ToolProps) {
  return (
    <button
      type="button"
      class="tile-tool"
      data-testid={testId}
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      onClick={act}
    >
      <Icon name={icon} />
    </button>
  )
}

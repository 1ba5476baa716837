// Sharing a screen: the reminder, the lasting mark; and looking at somebody's.

import type { Signal } from '@preact/signals'
import { useSignal } from '@preact/signals'
import type { RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { type Call, pictureKey } from '../../call/store'
import { nearby, type Participant, type ParticipantId } from '../../call/state'
import { t } from '../../i18n'
import { Countdown } from '../countdown'
import { Icon } from '../icons'
import { Video } from '../video'
import { useShownHeight } from './measure'
import { usePart } from './view'

/** What a person is reminded of before they choose what to share. The browser's own choice comes
 * next, and shows what will be seen. */
export function ScreenReminder({ call, reminding }: { call: Call; reminding: Signal<boolean> }) {
  if (!reminding.value) return null
  const close = () => {
    reminding.value = false
  }
  return (
    <Countdown
      title={t('screen.remindTitle')}
      confirm={t('screen.remindGo')}
      icon="screen"
      texts={['screen.counting', 'screen.waiting']}
      name="screen"
      go={() => {
        close()
        call.startScreen()
      }}
      cancel={close}
    >
      <ul class="points">
        <li>{t('screen.remindClose')}</li>
        <li>{t('screen.remindWindow')}</li>
      </ul>
    </Countdown>
  )
}

/** Says all the time that one's screen is seen, and stops it with one click. */
export function SharingBar({ call }: { call: Call }) {
  return (
    <div class="sharing-place" role="status">
      {call.state.value.screen === 'on' && (
        <div class="sharing" data-testid="sharing-bar">
          <Icon name="screen" />
          <p>{t('screen.sharing')}</p>
          <button
            type="button"
            class="button button-danger"
            data-testid="screen-stop"
            onClick={() => {
              call.stopScreen()
            }}
          >
            {t('screen.stop')}
          </button>
        </div>
      )}
    </div>
  )
}

/** Whose screen is looked at, and who else shares one. */
export interface Sharer {
  readonly shown: Participant | null
  readonly others: readonly Participant[]
  readonly choose: (id: ParticipantId) => void
}

/** The screen of somebody else to show large: the chosen one, else the first that started. */
export function useSharer(call: Call): Sharer {
  const chosen = useSignal<ParticipantId | null>(null)
  const people = nearby(usePart(call, ({ participants }) => participants))
  const sharing = people.filter(({ isSelf, active }) => !isSelf && active.has('screen'))
  const shown = sharing.find(({ id }) => id === chosen.value) ?? sharing[0] ?? null
  return {
    shown,
    others: sharing,
    choose: (id) => {
      chosen.value = id
    },
  }
}

/** One shared screen, large. */
export function SharedScreen({ call, sharer }: { call: Call; sharer: Sharer }) {
  const ref = useRef<HTMLElement>(null)
  const shown = sharer.shown
  if (shown === null) return null
  return (
    <figure ref={ref} class="shared" data-testid="shared-screen" data-participant={shown.id}>
      <ShownScreen call={call} id={shown.id} frame={ref} name={shown.displayName} />
      <figcaption class="shared-caption">
        {sharer.others.length === 1 ? (
          <span class="shared-name">
            <Icon name="screen" />
            {t('screen.of', { name: shown.displayName })}
          </span>
        ) : (
          <span class="shared-choice" role="group" aria-label={t('screen.choose')}>
            {sharer.others.map(({ id, displayName }) => (
              <button
                key={id}
                type="button"
                class="button button-choice"
                aria-pressed={id === shown.id}
                onClick={() => {
                  sharer.choose(id)
                }}
              >
                {t('screen.of', { name: displayName })}
              </button>
            ))}
          </span>
        )}
      </figcaption>
      <FullScreen frame={ref} />
    </figure>
  )
}

/** Gives the whole screen of this device to the shared one, and takes it back. */
function FullScreen({ frame }: { frame: RefObject<HTMLElement | null> }) {
  const full = useSignal(false)
  useEffect(() => {
    const follow = () => {
      full.value = document.fullscreenElement !== null
    }
    document.addEventListener('fullscreenchange', follow)
    return () => {
      document.removeEventListener('fullscreenchange', follow)
    }
  }, [full])
  // Phones of one make show nothing but videos that way.
  if (!document.fullscreenEnabled) return null
  const label = t(full.value ? 'screen.fullEnd' : 'screen.full')
  return (
    <button
      type="button"
      class="shared-full"
      data-testid="screen-full"
      aria-label={label}
      title={label}
      onClick={() => {
        // Refused, it stays as it is.
        const change = full.value ? document.exitFullscreen() : frame.current?.requestFullscreen()
        change?.catch(() => undefined)
      }}
    >
      <Icon name={full.value ? 'smaller' : 'larger'} />
    </button>
  )
}

interface ShownScreenProps {
  call: Call
  id: ParticipantId
  frame: RefObject<HTMLElement | null>
  name: string
}

function ShownScreen({ call, id, frame, name }: ShownScreenProps) {
  useShownHeight(frame, call, id, 'screen')
  const key = pictureKey(id, 'screen')
  const unplayable = call.unplayable.value.has(key)
  if (unplayable || call.heldBack.value.has(key)) {
    return (
      <p class="shared-note" role="status">
        {t(unplayable ? 'screen.unplayable' : 'screen.heldBack')}
      </p>
    )
  }
  return <Video stream={call.mediaStreamFor(id, 'screen')} label={t('screen.of', { name })} testId="screen-video" />
}

/** Phones cannot share their screen from a page: there a button for it would promise too much. */
export function canShareScreen(): boolean {
  // Absent outside secure contexts, whatever the type says.
  const devices = navigator.mediaDevices as MediaDevices | undefined
  return devices !== undefined && 'getDisplayMedia' in devices
}

// What a moderator may do about one person. Nothing here turns anything on.

import { useEffect, useId, useRef } from 'preact/hooks'
import type { Signal } from '@preact/signals'
import type { CallState, Participant, ParticipantId } from '../../call/state'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Icon } from '../icons'
import { EntryButton, type MenuEntry } from './more-menu'
import { allow, type Device, invite, type Moderation } from './moderation'
import { togglePin, type View } from './view'

/** What the menu of one person needs. */
export interface PersonMenuProps {
  call: Call
  view: View
  moderation: Moderation
  participant: Participant
  /** Whose menu is open: one at a time. */
  open: Signal<ParticipantId | null>
}

/** The button at the end of a row, and below the row what it opens. */
export function PersonMenu({ call, view, moderation, participant, open }: PersonMenuProps) {
  const id = useId()
  const button = useRef<HTMLButtonElement>(null)
  const list = useRef<HTMLUListElement>(null)
  const isOpen = open.value === participant.id
  const close = () => {
    open.value = null
    button.current?.focus()
  }
  useEffect(() => {
    const closeByEscape = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return
      // The panel stays.
      event.stopPropagation()
      close()
    }
    const element = list.current
    element?.querySelector('button')?.focus()
    element?.addEventListener('keydown', closeByEscape)
    return () => {
      element?.removeEventListener('keydown', closeByEscape)
    }
  }, [isOpen])
  return (
    <>
      <button
        ref={button}
        type="button"
        class="button button-icon"
        data-testid="person-menu"
        aria-label={t('mod.actions', { name: participant.displayName })}
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={() => {
          open.value = isOpen ? null : participant.id
        }}
      >
        <Icon name="more" />
      </button>
      {isOpen && (
        <ul
          ref={list}
          id={id}
          class="person-actions"
          aria-label={t('mod.actions', { name: participant.displayName })}
        >
          {entriesFor(call, view, moderation, participant).map((entry) => (
            <li key={entry.testId}>
              <EntryButton entry={entry} chosen={close} />
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

/** What makes sense now; each entry does one thing. */
function entriesFor(call: Call, view: View, moderation: Moderation, participant: Participant): MenuEntry[] {
  const state = call.state.value
  const { id } = participant
  const ask = (...request: Parameters<Call['ask']>) => () => void call.ask(...request)
  return [
    ...(['microphone', 'camera', 'screen'] as const)
      .filter((device) => device === 'microphone' || state.rules?.video === true)
      .flatMap((device) => deviceEntries(call, moderation, participant, device)),
    ...(state.life.hands.includes(id)
      ? [entry('lower-hand', 'hand', t('mod.lowerHand'), ask({ type: 'lower_hand', participant: id }))]
      : []),
    spotlightEntry(call, state, id),
    pinEntry(view, id),
    // Whoever has the role from somebody else cannot pass it on.
    ...(call.host === null ? [] : [roleEntry(participant, call.host)]),
    entry('report', 'alert', t('incident.open'), () => {
      moderation.dialog.value = { name: 'incident', about: id }
    }),
    ...(participant.role === 'guest'
      ? [
          entry('eject', 'leave', t('mod.eject'), () => {
            moderation.dialog.value = { name: 'eject', participant }
          }),
        ]
      : []),
  ]
}

/** Of one device: stop it, or invite to it; allow it beyond the rules, or not any more. */
function deviceEntries(call: Call, moderation: Moderation, participant: Participant, device: Device): MenuEntry[] {
  const { rules } = call.state.value
  const on = participant.active.has(device)
  const closed = participant.role === 'guest' && rules?.open.guests[device] === false
  const allowed = participant.granted?.[device] === true || on
  const entries: MenuEntry[] = []
  if (on && device !== 'microphone') {
    const label = t(device === 'camera' ? 'mod.stopCamera' : 'mod.stopScreen')
    entries.push(
      entry(`stop-${device}`, device === 'camera' ? 'cameraOff' : 'screenStop', label, () => {
        void call.ask({ type: 'stop_source', participant: participant.id, source: device })
      }),
    )
  }
  if (!on) {
    entries.push(entry(`invite-${device}`, device, t(INVITATIONS[device]), () => void invite(call, moderation, participant, device)))
  }
  if (closed && (allowed || device === 'screen')) {
    entries.push({
      testId: `allow-${device}`,
      icon: 'key',
      label: t(ALLOWANCES[device]),
      pressed: allowed,
      act: () => void allow(call, participant, device, !allowed),
    })
  }
  return entries
}

function spotlightEntry(call: Call, { life }: CallState, id: ParticipantId): MenuEntry {
  const shown = life.spotlight === id
  return {
    testId: 'spotlight',
    icon: 'spotlight',
    label: t('mod.spotlight'),
    pressed: shown,
    act: () => void call.ask({ type: 'set_spotlight', participant: shown ? null : id }),
  }
}

function pinEntry(view: View, id: ParticipantId): MenuEntry {
  return {
    testId: 'pin',
    icon: 'pin',
    label: t('mod.pin'),
    pressed: view.pins.value.includes(id),
    act: () => {
      togglePin(view, id)
    },
  }
}

function roleEntry({ id, role }: Participant, host: NonNullable<Call['host']>): MenuEntry {
  const guest = role === 'guest'
  const change = () => void host.setRole(id, guest ? 'moderator' : 'guest')
  return entry('set-role', 'shield', t(guest ? 'mod.passRole' : 'mod.takeRole'), change)
}

function entry(testId: string, icon: MenuEntry['icon'], label: string, act: () => void): MenuEntry {
  return { testId, icon, label, act }
}

const INVITATIONS = { microphone: 'mod.inviteSpeak', camera: 'mod.inviteShow', screen: 'mod.inviteShare' } as const
const ALLOWANCES = { microphone: 'mod.allowMicrophone', camera: 'mod.allowCamera', screen: 'mod.allowScreen' } as const

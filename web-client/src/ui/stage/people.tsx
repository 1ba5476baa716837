// The list of who is here, where one's own pseudonym is changed.

import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Call } from '../../call/store'
import type { Participant } from '../../call/state'
import { t, tn } from '../../i18n'
import { Icon } from '../icons'
import { initials, tint } from './face'
import { SidePanel } from './side-panel'

/** The panel of those present. */
export function People({ call, renaming, close }: { call: Call; renaming: Signal<boolean>; close: () => void }) {
  const { participants } = call.state.value
  useEffect(
    () => () => {
      renaming.value = false
    },
    [],
  )
  return (
    <SidePanel title={tn('people.count', participants.length)} close={close}>
      <ul class="people-list">
        {participants.map((participant) => (
          <Person key={participant.id} call={call} participant={participant} renaming={renaming} />
        ))}
      </ul>
    </SidePanel>
  )
}

function Person({ call, participant, renaming }: { call: Call; participant: Participant; renaming: Signal<boolean> }) {
  const button = useRef<HTMLButtonElement>(null)
  const { id, displayName, isSelf, role, away, active } = participant
  // The real name, on the page of whoever made the personal link.
  const known = call.host?.nameOf(participant.handle) ?? null
  const notes = [
    ...(known === null ? [] : [t('links.knownAs', { name: known })]),
    ...(role === 'moderator' ? [t('people.moderator')] : []),
    ...(active.has('screen') ? [t('tile.sharing')] : []),
    ...(away ? [t('tile.away')] : []),
  ]
  const endRenaming = () => {
    renaming.value = false
    // The button is drawn again first.
    queueMicrotask(() => requestAnimationFrame(() => button.current?.focus()))
  }
  return (
    <li class="person" data-tint={tint(id)}>
      <span class="face face-small" aria-hidden="true">
        {initials(displayName)}
      </span>
      {isSelf && renaming.value ? (
        <RenameForm
          name={displayName}
          save={(name) => {
            call.rename(name)
            endRenaming()
          }}
          cancel={endRenaming}
        />
      ) : (
        <>
          <span class="person-text">
            <span class="person-name">{isSelf ? t('tile.you', { name: displayName }) : displayName}</span>
            {notes.length > 0 && <span class="help">{notes.join(' · ')}</span>}
          </span>
          {isSelf && (
            <button
              ref={button}
              type="button"
              class="button button-icon"
              data-testid="rename-in-list"
              aria-label={t('people.rename')}
              onClick={() => {
                renaming.value = true
              }}
            >
              <Icon name="edit" />
            </button>
          )}
          <span class="person-devices">
            <State on={active.has('microphone')} icons={['microphone', 'microphoneOff']} texts={['tile.unmuted', 'tile.muted']} />
            <State on={active.has('camera')} icons={['camera', 'cameraOff']} texts={['tile.cameraOn', 'tile.cameraOff']} />
          </span>
        </>
      )}
    </li>
  )
}

interface StateProps {
  on: boolean
  /** While on, while off. */
  icons: readonly ['microphone' | 'camera', 'microphoneOff' | 'cameraOff']
  texts: readonly ['tile.unmuted' | 'tile.cameraOn', 'tile.muted' | 'tile.cameraOff']
}

function State({ on, icons, texts }: StateProps) {
  return (
    <span class="device" data-on={String(on)}>
      <Icon name={icons[on ? 0 : 1]} />
      <span class="visually-hidden">{t(texts[on ? 0 : 1])}</span>
    </span>
  )
}

function RenameForm({ name, save, cancel }: { name: string; save: (name: string) => void; cancel: () => void }) {
  const field = useRef<HTMLInputElement>(null)
  const typed = useSignal(name)
  useEffect(() => {
    field.current?.focus()
    field.current?.select()
  }, [])
  return (
    <form
      class="rename"
      onSubmit={(event) => {
        event.preventDefault()
        const next = typed.value.trim()
        if (next === '' || next === name) cancel()
        else save(next)
      }}
    >
      <input
        ref={field}
        class="field"
        type="text"
        maxLength={40}
        autocomplete="off"
        spellcheck={false}
        data-testid="rename-field"
        aria-label={t('people.newName')}
        value={typed}
        onInput={(event) => {
          typed.value = event.currentTarget.value
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return
          event.stopPropagation()
          cancel()
        }}
      />
      <button type="submit" class="button button-icon" data-testid="rename-save" aria-label={t('people.save')}>
        <Icon name="check" />
      </button>
      <button type="button" class="button button-icon" aria-label={t('common.cancel')} onClick={cancel}>
        <Icon name="close" />
      </button>
    </form>
  )
}

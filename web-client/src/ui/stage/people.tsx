// The list of who is here, where one's own pseudonym is changed and moderators look after the rest.

import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Participant, ParticipantId } from '../../call/state'
import type { Call } from '../../call/store'
import { t, tn } from '../../i18n'
import { groupName } from '../class/group-name'
import { Icon } from '../icons'
import { initials, tint } from './face'
import type { Moderation } from './moderation'
import { PersonMenu } from './person-menu'
import { RenameForm } from './rename-form'
import { SidePanel } from './side-panel'
import type { View } from './view'

/** What the panel needs. */
export interface PeopleProps {
  call: Call
  view: View
  moderation: Moderation
  renaming: Signal<boolean>
  close: () => void
}

/** The panel of those present. */
export function People({ call, view, moderation, renaming, close }: PeopleProps) {
  const { participants, role, recording } = call.state.value
  const open = useSignal<ParticipantId | null>(null)
  useEffect(
    () => () => {
      renaming.value = false
      moderation.said.value = ''
    },
    [],
  )
  return (
    <SidePanel title={tn('people.count', participants.length)} close={close}>
      {role === 'moderator' && participants.length > 1 && <ForAll call={call} />}
      <p class="said" role="status">
        {moderation.said.value}
      </p>
      <ul class="people-list">
        {participants.map((participant) => (
          <Person
            key={participant.id}
            call={call}
            view={view}
            moderation={moderation}
            participant={participant}
            renaming={renaming}
            open={open}
          />
        ))}
        {recording.info !== null && <Recorder />}
      </ul>
    </SidePanel>
  )
}

/** The recorder receives like somebody present, and is shown like them. */
function Recorder() {
  return (
    <li class="person" data-testid="recorder">
      <span class="face face-small recorder-face" aria-hidden="true">
        <Icon name="record" />
      </span>
      <span class="person-text">
        <span class="person-name">{t('recording.recorder')}</span>
        <span class="help">{t('recording.recorderNote')}</span>
      </span>
    </li>
  )
}

/** What stops for every guest at once. */
function ForAll({ call }: { call: Call }) {
  const stop = (...sources: ('microphone' | 'camera' | 'screen')[]) => () => {
    for (const source of sources) void call.ask({ type: 'stop_source', participant: null, source })
  }
  return (
    <div class="for-all">
      <button type="button" class="button button-secondary" data-testid="mute-all" onClick={stop('microphone')}>
        <Icon name="microphoneOff" />
        {t('mod.muteAll')}
      </button>
      {call.state.value.rules?.video === true && (
        <button type="button" class="button button-secondary" data-testid="stop-all-pictures" onClick={stop('camera', 'screen')}>
          <Icon name="cameraOff" />
          {t('mod.stopPictures')}
        </button>
      )}
    </div>
  )
}

interface PersonProps {
  call: Call
  view: View
  moderation: Moderation
  participant: Participant
  renaming: Signal<boolean>
  open: Signal<ParticipantId | null>
}

function Person({ call, view, moderation, participant, renaming, open }: PersonProps) {
  const button = useRef<HTMLButtonElement>(null)
  const state = call.state.value
  const { id, displayName, isSelf, active } = participant
  const moderated = state.role === 'moderator' && !isSelf
  const notes = notesOf(call, participant)
  const endRenaming = () => {
    renaming.value = false
    // The button is drawn again first.
    queueMicrotask(() => requestAnimationFrame(() => button.current?.focus()))
  }
  return (
    <li class="person" data-tint={tint(id)} data-participant={id}>
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
          {isSelf && state.rights?.rename !== false && (
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
            {moderated && active.has('microphone') ? (
              <MuteOne call={call} participant={participant} />
            ) : (
              <State on={active.has('microphone')} icons={['microphone', 'microphoneOff']} texts={['tile.unmuted', 'tile.muted']} />
            )}
            {state.rules?.video !== false && (
              <State on={active.has('camera')} icons={['camera', 'cameraOff']} texts={['tile.cameraOn', 'tile.cameraOff']} />
            )}
          </span>
          {moderated && <PersonMenu call={call} view={view} moderation={moderation} participant={participant} open={open} />}
        </>
      )}
    </li>
  )
}

/** What is to be said of somebody beside their name. */
function notesOf(call: Call, { id, role, active, group, away, handle }: Participant): string[] {
  // The real name, on the page of whoever made the personal link.
  const known = call.host?.nameOf(handle) ?? null
  return [
    ...(known === null ? [] : [t('links.knownAs', { name: known })]),
    ...(role === 'moderator' ? [t('people.moderator')] : []),
    ...(group === null ? [] : [groupName(group)]),
    ...(call.state.value.life.hands.includes(id) ? [t('people.hand')] : []),
    ...(active.has('screen') ? [t('tile.sharing')] : []),
    ...(away ? [t('tile.away')] : []),
  ]
}

/** What moderators do most: the mark of an open microphone closes it. */
function MuteOne({ call, participant }: { call: Call; participant: Participant }) {
  return (
    <button
      type="button"
      class="button button-icon mute-one"
      data-testid="mute-one"
      aria-label={t('mod.mute', { name: participant.displayName })}
      onClick={() => {
        void call.ask({ type: 'stop_source', participant: participant.id, source: 'microphone' })
      }}
    >
      <Icon name="microphone" />
    </button>
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

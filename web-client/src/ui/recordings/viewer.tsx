// A recording that is looked at: what was agreed to, the tiles, the controls, and who is in it.

import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { t } from '../../i18n'
import type { Archive } from '../../recordings/archive'
import { canDecode } from '../../recordings/decode'
import { type OpenedRecording, openRecording, type RecordedPerson } from '../../recordings/opened'
import { Player } from '../../recordings/player'
import { Terms } from '../consent/terms'
import { Icon } from '../icons'
import { Confirm } from './confirm'
import { faultText } from './fault'
import { PlayerControls } from './player-controls'
import { PlayerTiles } from './player-tiles'

/** What the viewer needs. */
export interface ViewerProps {
  archive: Archive
  id: string
  keyOf: () => Promise<Uint8Array>
  /** True while something is asked over it: it stops. */
  quiet: boolean
  /** Told when it is open: the server has noted it. */
  opened?: () => void
  /** Told when somebody was erased; `null` for whoever may only look. */
  erased: (() => void) | null
}

/** Opens the recording and plays it: drawn by a click. */
export function Viewer({ archive, id, keyOf, quiet, opened: told, erased }: ViewerProps) {
  const opened = useSignal<{ readonly recording: OpenedRecording; readonly player: Player } | null>(null)
  const fault = useSignal<unknown>(null)
  /** Raised to open it anew. */
  const turn = useSignal(0)
  useEffect(() => {
    let current: Player | null = null
    let over = false
    const open = async () => {
      const recording = await openRecording(archive, id, await keyOf())
      if (over) return
      current = new Player(recording)
      opened.value = { recording, player: current }
      current.play()
      told?.()
    }
    opened.value = null
    fault.value = null
    open().catch((cause: unknown) => {
      if (!over) fault.value = cause
    })
    return () => {
      over = true
      current?.close()
    }
  }, [turn.value])
  useEffect(() => {
    if (quiet) opened.value?.player.pause()
  }, [quiet])
  const problem = fault.value ?? opened.value?.player.fault.value ?? null
  if (!canDecode()) return <Refusal text={t('recordings.fault.unsupported')} />
  if (opened.value === null) return problem === null ? <p class="loading">{t('recordings.opening')}</p> : <Refusal text={faultText(problem)} />
  const { recording, player } = opened.value
  return (
    <div class="viewer" data-testid="recording-viewer" data-state={player.state.value}>
      {problem !== null && <Refusal text={faultText(problem)} />}
      <p class="recording-verified" data-testid="recording-verified">
        <Icon name="shield" />
        {t('recordings.verified')}
      </p>
      <PlayerTiles recording={recording} player={player} />
      <PlayerControls player={player} />
      <details class="viewer-terms">
        <summary>{t('recordings.terms')}</summary>
        <Terms terms={recording.terms.terms} recipients={recording.terms.recipients} />
      </details>
      <Persons
        archive={archive}
        recording={recording}
        erased={
          erased === null
            ? null
            : () => {
                turn.value += 1
                erased()
              }
        }
      />
    </div>
  )
}

function Refusal({ text }: { text: string }) {
  return (
    <p class="problem" role="alert" data-testid="recording-refusal">
      <Icon name="alert" />
      <span class="problem-text">{text}</span>
    </p>
  )
}

interface PersonsProps {
  archive: Archive
  recording: OpenedRecording
  erased: (() => void) | null
}

/** Who is in it. Whoever asks for it is erased, at any time. */
function Persons({ archive, recording, erased }: PersonsProps) {
  const asked = useSignal<RecordedPerson | null>(null)
  const fault = useSignal<unknown>(null)
  const erase = async (person: RecordedPerson) => {
    asked.value = null
    try {
      await archive.erasePerson(recording.description.id, person.id)
      erased?.()
    } catch (cause) {
      fault.value = cause
    }
  }
  return (
    <section class="viewer-persons">
      <h3>{t('recordings.persons')}</h3>
      {recording.persons.length === 0 && (
        <p class="soft" data-testid="recording-nobody">
          {t('recordings.nobody')}
        </p>
      )}
      {fault.value !== null && (
        <p class="aside" role="alert">
          {faultText(fault.value)}
        </p>
      )}
      <ul>
        {recording.persons.map((person) => (
          <li key={person.id} data-testid="recorded-person">
            <bdi>{person.name}</bdi>
            {erased !== null && (
              <button
                type="button"
                class="button button-quiet"
                data-testid="recording-erase-person"
                onClick={() => {
                  asked.value = person
                }}
              >
                {t('recordings.erasePerson')}
                <span class="visually-hidden"> {person.name}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      {asked.value !== null && (
        <Confirm
          title={t('recordings.erasePersonOf', { name: asked.value.name })}
          text={t('recordings.erasePersonHelp')}
          action={t('recordings.erasePerson')}
          testId="recording-erase-person-confirm"
          act={() => {
            if (asked.value !== null) void erase(asked.value)
          }}
          close={() => {
            asked.value = null
          }}
        />
      )}
    </section>
  )
}

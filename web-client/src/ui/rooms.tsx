// A teacher's own page of rooms. It reads what this browser holds; the server knows nothing of it.

import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { shareOrigin } from '../api'
import { inLanguage, t, tn } from '../i18n'
import { forgetEverything, type KeepOutcome, keepMore, keptRooms } from '../keep'
import { type KeptFault, MAX_KEPT_CHARS, parseKept, writeKept } from '../kept-rooms'
import { download } from './download'
import { Forget } from './forget'
import { Icon } from './icons'
import { RoomCard } from './room-card'
import { Screen } from './screen'
import '../styles/links.css'

/** The rooms kept in this browser. */
export default function Rooms() {
  const { rooms, fault } = keptRooms().value
  const origin = useSignal(location.origin)
  useEffect(() => {
    void shareOrigin().then((reachable) => {
      origin.value = reachable
    })
  }, [])
  return (
    <Screen name="rooms" title={t('rooms.title')}>
      <p class="lead">{t('rooms.lead')}</p>
      <p class="aside">{t('rooms.warning')}</p>
      {fault !== null && (
        <p class="problem" role="alert" data-testid="rooms-fault">
          <Icon name="alert" />
          <span class="problem-text">{t(`keep.fault.${fault}`)}</span>
        </p>
      )}
      {rooms.length === 0 && fault === null && (
        <section class="card stack rooms-empty" data-testid="rooms-empty">
          <p class="strong">{t('rooms.empty')}</p>
          <p class="soft">{t('rooms.emptyHelp')}</p>
        </section>
      )}
      {rooms.length > 0 && (
        <ul class="rooms">
          {rooms.map((room) => (
            <RoomCard key={room.room} kept={room} origin={origin.value} />
          ))}
        </ul>
      )}
      <a class="button button-secondary" href={inLanguage('/')}>
        <Icon name="people" />
        {t('home.create')}
      </a>
      <Tools some={rooms.length > 0 || fault === 'unreadable'} />
    </Screen>
  )
}

/** What came of a file that was read. */
type Told = { done: number } | { fault: KeptFault | Exclude<KeepOutcome, 'kept'> }

function Tools({ some }: { some: boolean }) {
  const told = useSignal<Told | null>(null)
  const forgetting = useSignal(false)
  const { rooms } = keptRooms().value
  return (
    <section class="rooms-tools" aria-labelledby="rooms-file">
      <h2 id="rooms-file">{t('rooms.file')}</h2>
      <p class="help">{t('rooms.fileHelp')}</p>
      <div class="rooms-actions">
        {rooms.length > 0 && (
          <button
            type="button"
            class="button button-secondary"
            data-testid="rooms-export"
            onClick={() => {
              download(t('rooms.fileName'), 'application/json', writeKept(rooms))
            }}
          >
            <Icon name="download" />
            {t('rooms.export')}
          </button>
        )}
        <Import told={told} />
        {some && (
          <button
            type="button"
            class="button button-quiet"
            data-testid="rooms-forget-all"
            onClick={() => {
              forgetting.value = true
            }}
          >
            <Icon name="close" />
            {t('rooms.forgetAll')}
          </button>
        )}
      </div>
      <p class="rooms-told" role="status" data-testid="rooms-told">
        {told.value !== null && ('done' in told.value ? tn('rooms.imported', told.value.done) : t(`keep.fault.${told.value.fault}`))}
      </p>
      {forgetting.value && (
        <Forget
          text={t('rooms.forgetAllHelp')}
          forget={forgetEverything}
          close={() => {
            forgetting.value = false
          }}
        />
      )}
    </section>
  )
}

function Import({ told }: { told: Signal<Told | null> }) {
  const field = useRef<HTMLInputElement>(null)
  const read = async (file: File) => {
    // A character takes one byte or more, so what is too long for a list is not even read.
    const rooms = file.size > MAX_KEPT_CHARS * MOST_BYTES ? 'too_large' : parseKept(await file.text())
    if (typeof rooms === 'string') {
      told.value = { fault: rooms }
      return
    }
    const before = keptRooms().value.rooms.length
    const outcome = keepMore(rooms)
    told.value = outcome === 'kept' ? { done: keptRooms().value.rooms.length - before } : { fault: outcome }
  }
  return (
    <>
      <input
        ref={field}
        type="file"
        class="visually-hidden"
        accept="application/json,.json"
        tabIndex={-1}
        aria-label={t('rooms.import')}
        data-testid="rooms-import-file"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0]
          if (file !== undefined) void read(file)
          // The same file may be chosen again.
          event.currentTarget.value = ''
        }}
      />
      <button
        type="button"
        class="button button-secondary"
        data-testid="rooms-import"
        onClick={() => {
          field.current?.click()
        }}
      >
        <Icon name="enter" />
        {t('rooms.import')}
      </button>
    </>
  )
}

/** Bytes of the longest character of a text (UTF-8, per unit of a string). */
const MOST_BYTES = 3

// One room of a teacher's own page.

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { inLanguage, language, t, tn } from '../i18n'
import { changeKept, forgetRoom } from '../keep'
import { type KeptRoom, keptSecret, MAX_LABEL_CHARS, tidy } from '../kept-rooms'
import { buildLink, type Link } from '../link'
import { recordingsLink } from '../recordings/access'
import { CopyButton } from './copy-button'
import { Forget } from './forget'
import { Icon } from './icons'
import { profileTitle } from './profiles'
import { type PupilLine, PupilSheet } from './pupil-sheet'

/** What one does with a room before it opens. */
export function RoomCard({ kept, origin }: { kept: KeptRoom; origin: string }) {
  const renaming = useSignal(false)
  const forgetting = useSignal(false)
  const retitle = useRef<HTMLButtonElement>(null)
  const links = useLinks(kept, origin)
  return (
    <li class="card room-card" data-testid="kept-room">
      {renaming.value ? (
        <TitleForm
          title={kept.title}
          save={(title) => {
            renaming.value = false
            // The button is drawn again first.
            requestAnimationFrame(() => retitle.current?.focus())
            if (title !== '') changeKept(kept.room, (room) => ({ ...room, title }))
          }}
        />
      ) : (
        <div class="room-head">
          <h2>
            <bdi>{kept.title}</bdi>
          </h2>
          <button
            ref={retitle}
            type="button"
            class="button button-icon"
            data-testid="room-retitle"
            aria-label={t('rooms.retitle', { title: kept.title })}
            onClick={() => {
              renaming.value = true
            }}
          >
            <Icon name="edit" />
          </button>
        </div>
      )}
      <p class="help">
        {profileTitle(kept.profile)} · {t(kept.encryption === null ? 'e2ee.without' : 'e2ee.with')} · {ends(kept.endsAt)}
      </p>
      <div class="room-actions">
        {links !== null && (
          <>
            <a class="button button-primary" href={inLanguage(links.moderator)} data-testid="room-open">
              <Icon name="enter" />
              {t('rooms.open')}
            </a>
            {(kept.profile === 'classe' || kept.profile === 'reunion') && (
              <a class="button button-secondary" href={inLanguage(links.recordings)} data-testid="room-recordings">
                <Icon name="record" />
                {t('rooms.recordings')}
              </a>
            )}
            <CopyButton value={links.guest} label={t('copy.guest')} done={t('copy.doneGuest')} testId="room-copy" />
          </>
        )}
        <button
          type="button"
          class="button button-quiet"
          data-testid="room-forget"
          aria-label={t('rooms.forgetOf', { title: kept.title })}
          onClick={() => {
            forgetting.value = true
          }}
        >
          {t('rooms.forget')}
        </button>
      </div>
      {links !== null && links.pupils.length > 0 && (
        <details>
          <summary>{tn('rooms.pupils', links.pupils.length)}</summary>
          <PupilSheet title={kept.title} lines={links.pupils} />
          <ul class="room-names">
            {links.pupils.map(({ name, link }) => (
              <li key={link}>
                <bdi>{name}</bdi>
              </li>
            ))}
          </ul>
        </details>
      )}
      {forgetting.value && (
        <Forget
          text={t('rooms.forgetHelp', { title: kept.title })}
          forget={() => {
            forgetRoom(kept.room)
          }}
          close={() => {
            forgetting.value = false
          }}
        />
      )}
    </li>
  )
}

function TitleForm({ title, save }: { title: string; save: (title: string) => void }) {
  const field = useRef<HTMLInputElement>(null)
  const typed = useSignal(title)
  useEffect(() => {
    field.current?.focus()
    field.current?.select()
  }, [])
  return (
    <form
      class="room-head"
      onSubmit={(event) => {
        event.preventDefault()
        save(tidy(typed.value))
      }}
    >
      <input
        ref={field}
        class="field"
        type="text"
        maxLength={MAX_LABEL_CHARS}
        autocomplete="off"
        data-testid="room-title"
        aria-label={t('keep.title')}
        value={typed}
        onInput={(event) => {
          typed.value = event.currentTarget.value
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') save('')
        }}
      />
      <button type="submit" class="button button-icon" data-testid="room-title-save" aria-label={t('people.save')}>
        <Icon name="check" />
      </button>
    </form>
  )
}

interface Links {
  /** On this very origin, to enter by. */
  readonly moderator: string
  readonly recordings: string
  readonly guest: string
  readonly pupils: readonly PupilLine[]
}

/** `null` until derived. */
function useLinks(kept: KeptRoom, origin: string): Links | null {
  const links = useSignal<Links | null>(null)
  useEffect(() => {
    let current = true
    void linksOf(kept, origin).then((derived) => {
      if (current) links.value = derived
    })
    return () => {
      current = false
    }
  }, [kept, origin])
  return links.value
}

async function linksOf({ room, moderator, encryption, generation, pupils }: KeptRoom, origin: string): Promise<Links> {
  const { guestLink, personalLink } = await import('../e2ee/link-keys')
  const own: Link = {
    room,
    role: 'moderator',
    secret: keptSecret(moderator),
    admission: null,
    encryption: encryption === null ? null : { ...encryption, fingerprint: null, certificate: null },
  }
  return {
    moderator: buildLink(location.origin, own),
    recordings: recordingsLink(own),
    guest: buildLink(origin, await guestLink(own, generation)),
    pupils: await Promise.all(
      pupils.map(async ({ name, admission }) => ({
        name,
        link: buildLink(origin, await personalLink(own, generation, keptSecret(admission))),
      })),
    ),
  }
}

function ends(endsAt: number | null): string {
  if (endsAt === null) return t('rooms.endUnknown')
  const date = new Intl.DateTimeFormat(language.value, { dateStyle: 'long' }).format(endsAt * 1000)
  return t(endsAt * 1000 <= Date.now() ? 'rooms.ended' : 'rooms.ends', { date })
}

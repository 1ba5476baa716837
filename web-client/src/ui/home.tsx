// The first page: one button that makes a room of the chosen kind, then its links.

import { useSignal } from '@preact/signals'
import { useEffect, useId } from 'preact/hooks'
import { ApiError, createRoom, fetchServerInfo, flagsOf, type RoomLinks } from '../api'
import type { Problem } from '../call/state'
import { inLanguage, t } from '../i18n'
import type { Profile } from '../protocol/generated'
import { EncryptionChoice } from './e2ee/choice'
import { Icon } from './icons'
import { lazy } from './lazy'
import { Picture } from './picture'
import { ProfileChoice } from './profiles'
import { ProblemCard } from './problem'
import { Screen } from './screen'

/** The home page, before and after the click. */
export function Home() {
  const links = useSignal<RoomLinks | null>(null)
  return links.value === null ? (
    <Create
      made={(made) => {
        links.value = made
      }}
    />
  ) : (
    <Made.Part links={links.value} />
  )
}

const Made = lazy(() => import('./made'))

function Create({ made }: { made: (links: RoomLinks) => void }) {
  const id = useId()
  const problem = useSignal<Problem | null>(null)
  const busy = useSignal(false)
  const passAsked = useSignal(false)
  const pass = useSignal('')
  const profile = useSignal<Profile>('classe')
  const encrypted = useSignal(true)

  useEffect(() => {
    // Not reachable now: the click says so, with a way to try again.
    fetchServerInfo().then(
      (info) => {
        passAsked.value = info.hostPassRequired
      },
      () => undefined,
    )
    Made.preload()
  }, [])

  const create = async () => {
    if (busy.value) return
    busy.value = true
    problem.value = null
    try {
      const typed = pass.value.trim()
      made(await createRoom(profile.value, encrypted.value ? flagsOf(profile.value) : null, typed === '' ? null : typed))
    } catch (cause) {
      problem.value = cause instanceof ApiError ? cause.code : 'internal'
      if (problem.value === 'host_pass_required') passAsked.value = true
      busy.value = false
    }
  }

  return (
    <Screen name="home" title={t('home.title')} before={<Picture />}>
      <p class="promise">{t('home.promise')}</p>
      <form
        class="create"
        onSubmit={(event) => {
          event.preventDefault()
          void create()
        }}
      >
        <ProfileChoice chosen={profile} />
        <EncryptionChoice encrypted={encrypted} />
        {passAsked.value && (
          <div class="form-line">
            <label for={id}>{t('home.hostPass')}</label>
            <input
              id={id}
              class="field"
              type="password"
              autocomplete="off"
              required
              data-testid="host-pass"
              aria-describedby={`${id}-help`}
              value={pass}
              onInput={(event) => {
                pass.value = event.currentTarget.value
              }}
            />
            <p id={`${id}-help`} class="help">
              {t('home.hostPassHelp')}
            </p>
          </div>
        )}
        <button type="submit" class="button button-primary button-large" data-testid="create-room" aria-disabled={busy.value}>
          <Icon name="people" />
          {t(busy.value ? 'home.creating' : 'home.create')}
        </button>
      </form>
      {problem.value !== null && <ProblemCard problem={problem.value} />}
      <p class="home-rooms">
        <a href={inLanguage('/rooms')} data-testid="rooms-link">
          {t('rooms.title')}
        </a>
      </p>
    </Screen>
  )
}

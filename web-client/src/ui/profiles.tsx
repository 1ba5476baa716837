// What a room is made for: where its rules start.

import type { Signal } from '@preact/signals'
import { useId } from 'preact/hooks'
import { t } from '../i18n'
import { PROFILES } from '../kept-rooms'
import type { Profile } from '../protocol/generated'

/** One of four, the first one chosen already: whoever is in a hurry need not look. */
export function ProfileChoice({ chosen }: { chosen: Signal<Profile> }) {
  const id = useId()
  return (
    <fieldset class="profiles">
      <legend class="visually-hidden">{t('profile.choice')}</legend>
      {PROFILES.map((profile) => (
        <div key={profile} class="profile">
          <input
            id={`${id}-${profile}`}
            type="radio"
            name={id}
            data-testid={`profile-${profile}`}
            aria-describedby={`${id}-${profile}-line`}
            checked={chosen.value === profile}
            onChange={() => {
              chosen.value = profile
            }}
          />
          <label for={`${id}-${profile}`}>{profileTitle(profile)}</label>
          <p id={`${id}-${profile}-line`} class="help">
            {t(`profile.${profile}.line`)}
          </p>
        </div>
      ))}
    </fieldset>
  )
}

/** What a profile is called. */
export function profileTitle(profile: Profile): string {
  return t(`profile.${profile}.title`)
}

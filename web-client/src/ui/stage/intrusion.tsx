// Somebody is here who should not be: one click puts them out, locks the room and replaces the link.

import { useSignal } from '@preact/signals'
import { namesOf, type Participant } from '../../call/state'
import { type Call, lockRoom } from '../../call/store'
import { t, type TextKey } from '../../i18n'
import { CopyField } from '../copy-field'
import { Dialog } from '../dialog'
import { Icon } from '../icons'
import { initials, tint } from './face'
import { type Moderation, putOut } from './moderation'

/** What was done. */
interface Outcome {
  readonly locked: boolean
  readonly rotated: boolean
  readonly out: readonly string[]
  /** Who could not be put out. */
  readonly stayed: readonly Participant[]
}

/** The dialog, from the choice to what came of it. */
export function Intrusion({ call, moderation, close }: { call: Call; moderation: Moderation; close: () => void }) {
  const acting = useSignal(false)
  /** What was done; `null` before anything was. */
  const done = useSignal<Outcome | null>(null)
  const link = call.guestLink.value
  // Newest first: most likely it is they.
  const guests = call.state.value.participants.filter(({ role, isSelf }) => role === 'guest' && !isSelf).reverse()
  // Whoever left meanwhile is out all the same.
  const present = (done.value?.stayed ?? []).filter(({ id }) => guests.some((guest) => guest.id === id))

  const act = async (who: Participant | null) => {
    if (acting.value) return
    acting.value = true
    const before = done.value
    const { host } = call
    // The lock first: whoever is put out must not slip in again meanwhile.
    const locked = await lockRoom(call)
    const isOut = who !== null && (await putOut(call, moderation, who))
    const rotated = before?.rotated === true || (host !== null && (await host.rotateLink()))
    const [out, stayed] = [before?.out ?? [], (before?.stayed ?? []).filter(({ id }) => id !== who?.id)]
    done.value = {
      locked,
      rotated,
      out: isOut ? [...out, who.displayName] : out,
      stayed: who === null || isOut ? stayed : [...stayed, who],
    }
    acting.value = false
  }

  return (
    <Dialog title={t(titleOf(call, done.value, present))} close={close}>
      {done.value === null ? (
        <p>{t(call.host === null ? 'intrusion.whatPassedOn' : 'intrusion.what')}</p>
      ) : (
        <div class="stack" role="status" data-testid="intrusion-done">
          {present.length > 0 && (
            <p class="strong" data-testid="intrusion-stayed">
              {t('intrusion.stayed', { names: namesOf(present) })}
            </p>
          )}
          {done.value.out.length > 0 && <p class="strong">{t('intrusion.out', { names: done.value.out.join(', ') })}</p>}
          <p>{t(done.value.locked ? 'intrusion.locked' : 'intrusion.notLocked')}</p>
          {!done.value.rotated && <p>{t(call.host === null ? 'intrusion.linkPassedOn' : 'intrusion.linkFailed')}</p>}
        </div>
      )}
      {done.value?.rotated === true && link !== null && (
        <CopyField
          label={t('intrusion.link')}
          help={t('intrusion.linkHelp')}
          value={link}
          action="copy.guest"
          done="copy.doneGuest"
          testId="new-link"
        />
      )}
      {done.value !== null && guests.length > 0 && <p>{t('intrusion.more')}</p>}
      {guests.length === 0 && done.value === null && <p>{t('intrusion.nobody')}</p>}
      <ul class="intruders">
        {guests.map((who) => (
          <li key={who.id} class="person" data-tint={tint(who.id)}>
            <span class="face face-small" aria-hidden="true">
              {initials(who.displayName)}
            </span>
            <span class="person-text person-name">{who.displayName}</span>
            <button
              type="button"
              class="button button-secondary"
              data-testid="intruder"
              aria-disabled={acting.value}
              aria-label={t('intrusion.putOut', { name: who.displayName })}
              onClick={() => {
                void act(who)
              }}
            >
              <Icon name="leave" />
              {t('mod.ejectGo')}
            </button>
          </li>
        ))}
      </ul>
      <div class="actions">
        {done.value === null && (
          <button
            type="button"
            class="button button-secondary"
            data-testid="intrusion-nobody"
            aria-disabled={acting.value}
            onClick={() => {
              void act(null)
            }}
          >
            <Icon name="lock" />
            {t('intrusion.withoutEject')}
          </button>
        )}
        <button type="button" class="button button-secondary" data-testid="intrusion-close" onClick={close}>
          {t(done.value === null ? 'common.cancel' : 'common.close')}
        </button>
      </div>
    </Dialog>
  )
}

/** Says that the meeting is protected only where everything was done that can be from here. */
function titleOf(call: Call, done: Outcome | null, stayed: readonly Participant[]): TextKey {
  if (done === null) return 'intrusion.title'
  const isLinkDone = done.rotated || call.host === null
  return done.locked && isLinkDone && stayed.length === 0 ? 'intrusion.titleDone' : 'intrusion.titlePartly'
}

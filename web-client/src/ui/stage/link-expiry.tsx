import { useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import { type Call, changeRules } from '../../call/store'
import { language, t } from '../../i18n'

const CHOICES = ['lesson', 'today', 'week', 'room'] as const
type Choice = (typeof CHOICES)[number]

/** Until when guests enter, and what else one may choose. Whoever is in stays. */
export function LinkExpiry({ call }: { call: Call }) {
  const id = useId()
  const chosen = useSignal<{ choice: Choice; until: number | null } | null>(null)
  const failed = useSignal(false)
  const { rules } = call.state.value
  if (rules === null) return null
  const until = rules.open.guestsUntil
  // What another moderator set is told by its date alone.
  const pressed = chosen.value !== null && chosen.value.until === until ? chosen.value.choice : until === null ? 'room' : null
  return (
    <section class="expiry" role="group" aria-labelledby={id}>
      <p id={id} class="strong">
        {t('links.until')}
      </p>
      <div class="choices">
        {CHOICES.map((choice) => (
          <button
            key={choice}
            type="button"
            class="button choice"
            data-testid={`link-until-${choice}`}
            aria-pressed={pressed === choice}
            onClick={() => {
              const end = endOf(choice, new Date())
              void call.ask(changeRules(rules.open, { guestsUntil: end })).then((done) => {
                failed.value = !done
                if (done) chosen.value = { choice, until: end }
              })
            }}
          >
            {t(`links.until.${choice}`)}
          </button>
        ))}
      </div>
      <p class="help" role="status" data-testid="link-until">
        {failed.value ? t('links.notDone') : told(until)}
      </p>
    </section>
  )
}

function told(until: number | null): string {
  if (until === null) return t('links.lasts')
  const date = new Intl.DateTimeFormat(language.value, { dateStyle: 'long', timeStyle: 'short' }).format(until * 1000)
  return t(until * 1000 <= Date.now() ? 'links.over' : 'links.lastsUntil', { date })
}

/** In seconds since 1970; `null` for as long as the room lives. */
function endOf(choice: Choice, now: Date): number | null {
  switch (choice) {
    case 'lesson':
      return Math.floor(now.getTime() / 1000) + LESSON_S
    case 'today':
      return Math.floor(new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1).getTime() / 1000)
    case 'week':
      return Math.floor(now.getTime() / 1000) + 7 * 24 * 3600
    case 'room':
      return null
  }
}

/** A lesson and those who are late for it. */
const LESSON_S = 3600

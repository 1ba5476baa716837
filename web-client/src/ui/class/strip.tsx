// One line between the bar and the pictures for what goes on: the own group, the timer, who asks to
// speak, what the class thinks, an open question. Nothing goes on: no line.

import type { Call } from '../../call/store'
import { t, tn } from '../../i18n'
import { Icon } from '../icons'
import { OPINIONS } from './gestures'
import { GroupBanner } from './group-banner'
import { HandQueue } from './hands'
import { TimerChip } from './timer'
import type { ClassUi } from './ui'

/** What goes on, in one line that wraps. */
export function ClassStrip({ call, ui }: { call: Call; ui: ClassUi }) {
  return (
    <div class="strip" data-testid="class-strip">
      <GroupBanner call={call} />
      <TimerChip call={call} ui={ui} />
      <PollChip call={call} ui={ui} />
      <OpinionTotals call={call} />
      <HandQueue call={call} />
    </div>
  )
}

/** Leads to the question, or to its result. */
function PollChip({ call, ui }: { call: Call; ui: ClassUi }) {
  const { life, role } = call.state.value
  const { poll, result } = life
  if (poll === null && result === null) return null
  // Whoever asked it may answer too; nothing waits for that.
  const waits = poll !== null && !poll.hasVoted && role === 'guest'
  return (
    <button
      type="button"
      class="strip-item strip-button"
      data-testid="poll-show"
      data-waits={String(waits)}
      aria-expanded={ui.panel.value === 'class'}
      onClick={() => {
        ui.panel.value = ui.panel.value === 'class' ? null : 'class'
      }}
    >
      <Icon name="poll" />
      {poll === null ? t('poll.resultChip') : waits ? t('poll.waitsChip') : tn('poll.ballots', poll.ballots)}
    </button>
  )
}

/** What is held up, while anything is. */
function OpinionTotals({ call }: { call: Call }) {
  const { life, role } = call.state.value
  const held = OPINIONS.filter(({ name }) => life.opinions[name] > 0)
  if (held.length === 0) return null
  return (
    <div class="strip-item totals">
      <ul class="totals-list" aria-label={t('opinion.totals')} data-testid="opinion-totals">
        {held.map(({ name, icon, label }) => (
          <li key={name} class="total" data-opinion={name}>
            <Icon name={icon} />
            <span class="visually-hidden">{t(label)}</span>
            <span>{life.opinions[name]}</span>
          </li>
        ))}
      </ul>
      {role === 'moderator' && (
        <button
          type="button"
          class="strip-action"
          data-testid="counters-clear"
          onClick={() => {
            void call.ask({ type: 'clear_opinions' })
          }}
        >
          {t('opinion.clear')}
        </button>
      )}
    </div>
  )
}

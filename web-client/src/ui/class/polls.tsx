// Questions to the class. A ballot adds one to a number on the server, which remembers who voted and not
// what; the numbers are told once the question is closed.

import { useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import type { Poll, PollResult } from '../../call/class-life'
import type { Call } from '../../call/store'
import { t, tn } from '../../i18n'
import { Icon } from '../icons'
import { lengthOf, MAX_POLL_TEXT_CHARS, plain } from './written'

/** The open question, the result of the last, or the form for the next. */
export function Polls({ call }: { call: Call }) {
  const id = useId()
  const { life, role } = call.state.value
  const moderator = role === 'moderator'
  const shown = (
    <>
      {life.poll !== null && (moderator || life.poll.choices.length > 0) && <OpenQuestion key={life.poll.poll} call={call} poll={life.poll} />}
      {life.result !== null && <Result call={call} result={life.result} />}
    </>
  )
  // The panel of a pupil holds nothing else, and is named after it.
  if (!moderator) return <div class="tool">{shown}</div>
  return (
    <section class="tool" aria-labelledby={id}>
      <h3 id={id}>
        <Icon name="poll" />
        {t('poll.title')}
      </h3>
      {shown}
      {life.poll === null && <Asking call={call} />}
    </section>
  )
}

function OpenQuestion({ call, poll }: { call: Call; poll: Poll }) {
  const chosen = useSignal<number | null>(null)
  const { poll: number, question, choices, hasVoted, choice, ballots } = poll
  return (
    <form
      class="poll"
      data-testid="poll"
      onSubmit={(event) => {
        event.preventDefault()
        if (chosen.value !== null) call.vote(number, chosen.value)
      }}
    >
      <fieldset class="poll-choices">
        <legend class="strong">{question}</legend>
        {choices.map((text, index) => (
          <label key={index} class="poll-choice" data-own={String(hasVoted && choice === index)}>
            <input
              type="radio"
              name="poll"
              data-testid={`poll-choice-${index}`}
              checked={hasVoted ? choice === index : chosen.value === index}
              disabled={hasVoted}
              onChange={() => {
                chosen.value = index
              }}
            />
            <span>{text}</span>
          </label>
        ))}
      </fieldset>
      {!hasVoted && (
        <button type="submit" class="button button-primary" data-testid="poll-vote" aria-disabled={chosen.value === null}>
          {t('poll.vote')}
        </button>
      )}
      <p data-testid="poll-ballots">
        {/* The vote alone is told: thirty ballots read out would talk over the lesson. */}
        <span role="status">{hasVoted && t('poll.voted')}</span> {tn('poll.ballots', ballots)}
      </p>
      <p class="help">{t('poll.anonymous')}</p>
      {call.state.value.role === 'moderator' && (
        <button
          type="button"
          class="button button-secondary"
          data-testid="poll-close"
          onClick={() => {
            void call.ask({ type: 'close_poll' })
          }}
        >
          {t('poll.close')}
        </button>
      )}
    </form>
  )
}

function Result({ call, result }: { call: Call; result: PollResult }) {
  const { question, choices, results } = result
  const all = results.reduce((sum, count) => sum + count, 0)
  return (
    <figure class="poll-result" data-testid="poll-result">
      <figcaption class="strong">{question}</figcaption>
      <ul class="poll-bars">
        {choices.map((text, index) => {
          const count = results[index] ?? 0
          const share = all === 0 ? 0 : Math.round((count / all) * 100)
          return (
            <li key={index} class="poll-bar">
              <span>{text}</span>
              <span class="poll-count">{t('poll.share', { count, share })}</span>
              {/* The numbers beside it say the same. */}
              <svg class="poll-share" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
                <rect class="poll-share-whole" width="100" height="4" />
                <rect class="poll-share-part" width={share} height="4" />
              </svg>
            </li>
          )
        })}
      </ul>
      <p class="help">{tn('poll.ballots', all)}</p>
      <button
        type="button"
        class="button button-quiet"
        data-testid="poll-put-away"
        onClick={() => {
          call.putAway('result')
        }}
      >
        {t('poll.putAway')}
      </button>
    </figure>
  )
}

function Asking({ call }: { call: Call }) {
  const question = useSignal('')
  const choices = useSignal<readonly string[]>(['', ''])
  const sending = useSignal(false)
  const tooLong = [question.value, ...choices.value].some((text) => lengthOf(plain(text)) > MAX_POLL_TEXT_CHARS)
  const written = choices.value.map(plain).filter((text) => text !== '')
  const ready = plain(question.value) !== '' && written.length >= 2 && !tooLong
  const open = (asked: readonly string[]) => {
    const text = plain(question.value)
    if (sending.value || text === '' || tooLong) return
    sending.value = true
    void call.ask({ type: 'open_poll', question: text, choices: [...asked] }).then((opened) => {
      sending.value = false
      if (!opened) return
      question.value = ''
      choices.value = ['', '']
    })
  }
  return (
    <form
      class="poll"
      onSubmit={(event) => {
        event.preventDefault()
        if (ready) open(written)
      }}
    >
      <label class="form-line">
        {t('poll.question')}
        <input
          class="field"
          type="text"
          autocomplete="off"
          data-testid="poll-question"
          value={question}
          onInput={(event) => {
            question.value = event.currentTarget.value
          }}
        />
      </label>
      <div class="tool-row">
        <button
          type="button"
          class="button button-secondary"
          data-testid="poll-yes-no"
          aria-disabled={plain(question.value) === ''}
          onClick={() => {
            open([t('opinion.yes'), t('opinion.no')])
          }}
        >
          {t('poll.yesNo')}
        </button>
      </div>
      <fieldset class="poll-answers">
        <legend>{t('poll.answers')}</legend>
        {choices.value.map((text, index) => (
          <input
            key={index}
            class="field"
            type="text"
            autocomplete="off"
            data-testid={`poll-answer-${index}`}
            aria-label={t('poll.answer', { number: index + 1 })}
            value={text}
            onInput={(event) => {
              const typed = event.currentTarget.value
              choices.value = choices.value.map((other, place) => (place === index ? typed : other))
            }}
          />
        ))}
        {choices.value.length < MOST_CHOICES && (
          <button
            type="button"
            class="button button-quiet"
            data-testid="poll-more"
            onClick={() => {
              choices.value = [...choices.value, '']
            }}
          >
            {t('poll.more')}
          </button>
        )}
      </fieldset>
      <p class="help too-long" role="alert">
        {tooLong && t('poll.tooLong', { most: MAX_POLL_TEXT_CHARS })}
      </p>
      <button type="submit" class="button button-primary" data-testid="poll-open" aria-disabled={!ready}>
        {t('poll.open')}
      </button>
      <p class="help">{t('poll.anonymous')}</p>
    </form>
  )
}

/** As the server has it. */
const MOST_CHOICES = 10

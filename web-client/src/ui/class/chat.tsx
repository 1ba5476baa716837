// What is written beside the meeting. It lives in the browsers that are present, and nowhere else.

import { useSignal } from '@preact/signals'
import { useEffect, useId, useRef } from 'preact/hooks'
import type { ChatLine } from '../../call/class-life'
import type { Call } from '../../call/store'
import { language, t, type TextKey, tn } from '../../i18n'
import type { ChatAudience } from '../../protocol/generated'
import { Icon } from '../icons'
import { SidePanel } from '../stage/side-panel'
import { reachOf } from './audience'
import { WrittenText } from './text'
import type { ClassUi } from './ui'
import { lengthOf, MAX_TEXT_CHARS, plain } from './written'

/** The panel of written lines. */
export function Chat({ call, ui, close }: { call: Call; ui: ClassUi; close: () => void }) {
  const { chat } = call.state.value.life
  const log = useRef<HTMLDivElement>(null)
  const newest = chat.at(-1)
  useEffect(() => {
    const area = log.current
    if (newest === undefined || area === null) return
    const atEnd = area.scrollHeight - area.scrollTop - area.clientHeight < NEAR_END
    // Whoever reads what came before is left there.
    if (ui.read.value === 0 || atEnd || newest.isSelf) area.scrollTop = area.scrollHeight
    ui.read.value = newest.key
  }, [newest?.key])
  return (
    <SidePanel title={t('chat.title')} close={close}>
      <p class="help chat-hint">{t('chat.hint')}</p>
      {/* Scrolls, so it can be reached by keyboard. */}
      {/* eslint-disable-next-line jsx-a11y-x/no-noninteractive-tabindex */}
      <div ref={log} class="chat-log" role="log" aria-label={t('chat.log')} data-testid="chat-log" tabIndex={0}>
        {chat.length === 0 && <p class="help chat-empty">{t('chat.empty')}</p>}
        {chat.map((line, index) => (
          <Line key={line.key} line={line} before={chat[index - 1]} />
        ))}
      </div>
      <Writing call={call} ui={ui} />
    </SidePanel>
  )
}

function Line({ line, before }: { line: ChatLine; before: ChatLine | undefined }) {
  const { participant, displayName, isSelf, audience, text, at } = line
  const goesOn = before?.participant === participant && before.audience === audience && at - before.at < SAME_BREATH_MS
  const name = displayName === '' ? t('chat.gone') : displayName
  return (
    <div class="chat-line" data-own={String(isSelf)} data-audience={audience} data-continued={String(goesOn)}>
      {/* Told again for whoever does not see the lines stand together. */}
      <p class={goesOn ? 'visually-hidden' : 'chat-who'}>
        <span class="strong">{isSelf ? t('tile.you', { name }) : name}</span>{' '}
        <time>{timeOf(at)}</time>
        {audience === 'moderators' && (
          <span class="chat-private">
            <Icon name="lock" />
            {t('chat.private')}
          </span>
        )}
      </p>
      <WrittenText text={text} />
    </div>
  )
}

function Writing({ call, ui }: { call: Call; ui: ClassUi }) {
  const field = useRef<HTMLTextAreaElement>(null)
  const [help, count] = [useId(), useId()]
  const sending = useSignal(false)
  const { role } = call.state.value
  const { allowed, group } = reachOf(call.state.value)
  const audience = ui.audience.value
  const inGroup = group !== null
  const left = MAX_TEXT_CHARS - lengthOf(plain(ui.draft.value))
  useEffect(() => {
    // On a touch screen the keyboard would cover what is to be read.
    if (matchMedia('(pointer: fine)').matches) field.current?.focus()
  }, [])
  const send = () => {
    const text = plain(ui.draft.value)
    if (text === '' || left < 0 || sending.value) return
    sending.value = true
    void call.ask({ type: 'chat', audience, text }).then((sent) => {
      sending.value = false
      if (sent) ui.draft.value = ''
    })
  }
  return (
    <form
      class="chat-form"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <fieldset class="audience-row">
        <legend class="visually-hidden">{t('chat.audience')}</legend>
        {(['everybody', 'moderators'] as const).map((value) => (
          <label key={value} class="audience">
            <input
              type="radio"
              name="audience"
              value={value}
              data-testid={`chat-to-${value}`}
              checked={audience === value}
              disabled={value === 'everybody' && !allowed}
              onChange={() => {
                ui.audience.value = value
              }}
            />
            <span>{t(value === 'moderators' ? 'chat.moderators' : inGroup ? 'chat.group' : 'chat.everybody')}</span>
          </label>
        ))}
      </fieldset>
      <p id={help} class="help">
        {!allowed && `${t('chat.closed')} `}
        {t(readers(audience, role === 'moderator', inGroup))}
      </p>
      <div class="chat-write" data-audience={audience}>
        <textarea
          ref={field}
          class="field"
          rows={2}
          data-testid="chat-input"
          aria-label={t('chat.write')}
          aria-describedby={`${help} ${count}`}
          aria-invalid={left < 0}
          value={ui.draft}
          onInput={(event) => {
            ui.draft.value = event.currentTarget.value
          }}
          onKeyDown={(event) => {
            // Enter also ends a word while one is composed (Chinese, accents of some keyboards).
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
            event.preventDefault()
            send()
          }}
        />
        <button type="submit" class="button button-primary button-icon" data-testid="chat-send" aria-label={t('chat.send')} aria-disabled={left < 0}>
          <Icon name="send" />
        </button>
      </div>
      <p id={count} class="help" data-testid="chat-count">
        {left >= 0 && left <= NEAR_LIMIT && tn('chat.left', left)}
      </p>
      <p class="help too-long" data-testid="chat-too-long" role="alert">
        {left < 0 && tn('chat.tooLong', -left)}
      </p>
    </form>
  )
}

/** Who reads what is about to be sent, in full: nobody shall be mistaken. */
function readers(audience: ChatAudience, moderator: boolean, inGroup: boolean): TextKey {
  if (audience === 'moderators') return moderator ? 'chat.readByColleagues' : 'chat.readByModerators'
  return inGroup ? 'chat.readByGroup' : 'chat.readByAll'
}

function timeOf(at: number): string {
  const time = new Date(performance.timeOrigin + at)
  return time.toLocaleTimeString(language.value, { hour: '2-digit', minute: '2-digit' })
}

/** Pixels from the end of the log that still count as its end. */
const NEAR_END = 80
/** Characters left from which on their number is told. */
const NEAR_LIMIT = 200
/** Lines of one person within this time stand together under one name. */
const SAME_BREATH_MS = 120_000

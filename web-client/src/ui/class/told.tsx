// What a moderator tells everybody, and who calls a moderator: both stand over the pictures until
// they are put away.

import { useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import type { Call } from '../../call/store'
import { t, tn } from '../../i18n'
import { Icon } from '../icons'
import { groupName } from './group-name'
import { WrittenText } from './text'
import { lengthOf, MAX_TEXT_CHARS, plain } from './written'

/** The last announcement. */
export function Announcement({ call }: { call: Call }) {
  const { announcement } = call.state.value.life
  return (
    <div role="status">
      {announcement !== null && (
        <div class="told" data-testid="announcement">
          <Icon name="announce" />
          <div class="problem-text">
            <p class="strong">{t('announce.from', { name: announcement.displayName })}</p>
            <WrittenText text={announcement.text} />
          </div>
          <button
            type="button"
            class="button button-icon"
            data-testid="announcement-close"
            aria-label={t('notice.dismiss')}
            onClick={() => {
              call.putAway('announcement')
            }}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  )
}

/** Groups that call for help. */
export function HelpCalls({ call }: { call: Call }) {
  const { life, participants, selfId } = call.state.value
  const calls = life.helpCalls.flatMap((id) => participants.find((one) => one.id === id) ?? [])
  return (
    <div role="status">
      {calls.map(({ id, displayName, group }) => (
        <div key={id} class="told" data-testid="help-call">
          <Icon name="help" />
          <p class="problem-text">{t('help.calls', { name: displayName, group: groupName(group) })}</p>
          <button
            type="button"
            class="button button-primary"
            data-testid="help-join"
            onClick={() => {
              if (selfId !== null) void call.ask({ type: 'set_groups', places: [{ participant: selfId, group }] })
              call.putAwayHelp(id)
            }}
          >
            {t('help.join')}
          </button>
          <button
            type="button"
            class="button button-icon"
            aria-label={t('notice.dismiss')}
            onClick={() => {
              call.putAwayHelp(id)
            }}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  )
}

/** Writes an announcement. */
export function AnnounceTool({ call }: { call: Call }) {
  const id = useId()
  const text = useSignal('')
  const over = lengthOf(plain(text.value)) - MAX_TEXT_CHARS
  return (
    <section class="tool" aria-labelledby={id}>
      <h3 id={id}>
        <Icon name="announce" />
        {t('announce.title')}
      </h3>
      <form
        class="tool-row"
        onSubmit={(event) => {
          event.preventDefault()
          const line = plain(text.value)
          if (line === '' || over > 0) return
          void call.ask({ type: 'announce', text: line }).then((told) => {
            if (told) text.value = ''
          })
        }}
      >
        <input
          class="field"
          type="text"
          autocomplete="off"
          data-testid="announce-input"
          aria-label={t('announce.write')}
          value={text}
          onInput={(event) => {
            text.value = event.currentTarget.value
          }}
        />
        <button type="submit" class="button button-secondary button-icon" data-testid="announce-send" aria-label={t('announce.send')}>
          <Icon name="send" />
        </button>
      </form>
      <p class="help">{t('announce.help')}</p>
      <p class="help too-long" role="alert">
        {over > 0 && tn('chat.tooLong', over)}
      </p>
    </section>
  )
}

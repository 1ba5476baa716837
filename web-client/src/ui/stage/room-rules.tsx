// The rules of the room: moderators change them, everybody can read what they may do.

import type { OpenRules, Rights } from '../../protocol/generated'
import { type Call, changeRules } from '../../call/store'
import { t } from '../../i18n'
import { Icon } from '../icons'
import { profileTitle } from '../profiles'
import { RuleSwitch } from './rule-switch'
import { SidePanel } from './side-panel'

/** The panel of the rules. */
export function RoomRulesPanel({ call, close }: { call: Call; close: () => void }) {
  const moderator = call.state.value.role === 'moderator'
  return (
    <SidePanel title={t(moderator ? 'rules.title' : 'rules.mine')} close={close}>
      <div class="rules-panel">{moderator ? <Change call={call} /> : <Read call={call} />}</div>
    </SidePanel>
  )
}

/** Each switch says all the rules as they are now, but for its own. */
function Change({ call }: { call: Call }) {
  const { rules } = call.state.value
  if (rules === null) return null
  const { open } = rules
  const set = (change: Partial<OpenRules>) => void call.ask(changeRules(open, change))
  const rights = RIGHTS.filter((right) => rules.video || !PICTURES.has(right))
  return (
    <>
      <p class="help">
        {t('rules.kind', { kind: profileTitle(rules.profile) })} {t('rules.atOnce')}
      </p>
      <fieldset class="rules-group">
        <legend>{t('rules.entry')}</legend>
        <RuleSwitch
          testId="rule-lobby"
          label={t('rules.lobby')}
          help={t('rules.lobbyHelp')}
          on={open.lobby}
          flip={(lobby) => {
            set({ lobby })
          }}
        />
        <RuleSwitch
          testId="rule-locked"
          label={t('rules.locked')}
          help={t('rules.lockedHelp')}
          on={open.locked}
          flip={(locked) => {
            set({ locked })
          }}
        />
      </fieldset>
      <fieldset class="rules-group">
        <legend>{t('rules.guests')}</legend>
        {rights.map((right) => (
          <RuleSwitch
            key={right}
            testId={`rule-${right}`}
            label={t(`rules.guest.${right}`)}
            {...(right === 'chat' ? { help: t('rules.chatHelp') } : {})}
            on={open.guests[right]}
            flip={(on) => {
              set({ guests: { ...open.guests, [right]: on } })
            }}
          />
        ))}
      </fieldset>
      <fieldset class="rules-group">
        <legend>{t('rules.recording')}</legend>
        <RuleSwitch
          testId="rule-minors"
          label={t('rules.minors')}
          help={t('rules.minorsHelp')}
          on={open.minors}
          flip={(minors) => {
            set({ minors })
          }}
        />
      </fieldset>
      {!rules.video && <p class="aside">{t('rules.voices')}</p>}
    </>
  )
}

function Read({ call }: { call: Call }) {
  const { rules, rights } = call.state.value
  if (rules === null || rights === null) return null
  return (
    <>
      <ul class="rights">
        {RIGHTS.filter((right) => rules.video || !PICTURES.has(right)).map((right) => (
          <li key={right} data-right={right} data-on={String(rights[right])}>
            <Icon name={rights[right] ? 'check' : 'close'} />
            <span>{t(`rules.own.${right}`)}</span>
            <span class="help">{t(rights[right] ? 'rules.yes' : 'rules.no')}</span>
          </li>
        ))}
      </ul>
      {!rules.video && <p class="aside">{t('rules.voices')}</p>}
      <p class="help">{t('rules.always')}</p>
    </>
  )
}

const RIGHTS: readonly (keyof Rights)[] = ['microphone', 'camera', 'screen', 'chat', 'rename']
const PICTURES: ReadonlySet<keyof Rights> = new Set(['camera', 'screen'] as const)

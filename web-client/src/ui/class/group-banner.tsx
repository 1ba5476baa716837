import { useSignal } from '@preact/signals'
import { namesOf, nearby, type ParticipantId } from '../../call/state'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Icon } from '../icons'
import { groupName } from './group-name'

/** Says in which group one is, with whom, and how to reach a moderator. */
export function GroupBanner({ call }: { call: Call }) {
  const { participants, selfId } = call.state.value
  const group = participants.find(({ isSelf }) => isSelf)?.group ?? null
  if (group === null || selfId === null) return null
  // Help was asked for in one group: another one begins anew.
  return <Banner key={group} call={call} group={group} selfId={selfId} />
}

function Banner({ call, group, selfId }: { call: Call; group: number; selfId: ParticipantId }) {
  const called = useSignal<'no' | 'asking' | 'yes'>('no')
  const { participants, role } = call.state.value
  const others = nearby(participants).filter(({ isSelf }) => !isSelf)
  const moderatorHere = others.some((other) => other.role === 'moderator')
  return (
    <section class="strip-item group-banner" data-testid="group-banner" aria-label={groupName(group)}>
      <Icon name="groups" />
      <p class="group-who">
        <span class="strong">{groupName(group)}</span> ·{' '}
        {others.length === 0 ? t('group.alone') : namesOf(others)}
      </p>
      {role === 'moderator' ? (
        <button
          type="button"
          class="strip-action"
          data-testid="group-return"
          onClick={() => {
            void call.ask({ type: 'set_groups', places: [{ participant: selfId, group: null }] })
          }}
        >
          {t('group.return')}
        </button>
      ) : (
        !moderatorHere && (
          <button
            type="button"
            class="strip-action"
            data-testid="call-help"
            disabled={called.value === 'asking'}
            onClick={() => {
              called.value = 'asking'
              void call.ask({ type: 'call_help' }).then((done) => {
                called.value = done ? 'yes' : 'no'
              })
            }}
          >
            {t(called.value === 'yes' ? 'help.again' : 'help.call')}
          </button>
        )
      )}
      <span class="visually-hidden" role="status">
        {called.value === 'yes' && t('help.called')}
      </span>
    </section>
  )
}

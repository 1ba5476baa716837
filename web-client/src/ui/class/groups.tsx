// Groups, for whoever leads: make them, look into them, and bring everybody back.

import { useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import type { Participant, ParticipantId } from '../../call/state'
import type { Call } from '../../call/store'
import { t, tn } from '../../i18n'
import { Icon } from '../icons'
import { groupName } from './group-name'
import { drawSecurely, MAX_GROUPS, splitAtRandom, usualCount } from './split'

type Places = ReadonlyMap<ParticipantId, number | null>

/** The tools for groups. */
export function Groups({ call }: { call: Call }) {
  const id = useId()
  const { participants } = call.state.value
  const open = participants.some(({ group, isSelf }) => group !== null && !isSelf)
  return (
    <section class="tool" aria-labelledby={id}>
      <h3 id={id}>
        <Icon name="groups" />
        {t('group.title')}
      </h3>
      {open ? <OpenGroups call={call} /> : <MakingGroups call={call} />}
    </section>
  )
}

function MakingGroups({ call }: { call: Call }) {
  const guests = call.state.value.participants.filter(({ role }) => role === 'guest')
  const chosen = useSignal<number | null>(null)
  const draft = useSignal<Places>(new Map())
  const count = chosen.value ?? usualCount(guests.length)
  const placed = guests.filter(({ id }) => (draft.value.get(id) ?? null) !== null)
  const atRandom = (): Places => splitAtRandom(guests.map(({ id }) => id), count, drawSecurely)
  const resize = (by: number) => {
    chosen.value = Math.min(MAX_GROUPS, Math.max(1, count + by))
    // A place in a group there is no more is none.
    draft.value = new Map([...draft.value].filter(([, group]) => group !== null && group < (chosen.value ?? 0)))
  }
  if (guests.length === 0) return <p class="help">{t('group.nobody')}</p>
  return (
    <>
      <p class="help">{t('group.help')}</p>
      <div class="tool-row stepper" role="group" aria-label={t('group.count')}>
        <button type="button" class="button button-secondary button-icon" data-testid="groups-fewer" aria-label={t('group.fewer')} aria-disabled={count <= 1} onClick={() => { resize(-1) }}>
          <Icon name="minus" />
        </button>
        <output class="strong" data-testid="groups-count">
          {tn('group.groups', count)}
        </output>
        <button type="button" class="button button-secondary button-icon" data-testid="groups-more" aria-label={t('group.more')} aria-disabled={count >= MAX_GROUPS} onClick={() => { resize(1) }}>
          <Icon name="plus" />
        </button>
      </div>
      <div class="tool-row">
        <button
          type="button"
          class="button button-secondary"
          data-testid="groups-random"
          onClick={() => {
            draft.value = atRandom()
          }}
        >
          {t(placed.length === 0 ? 'group.random' : 'group.again')}
        </button>
        <button
          type="button"
          class="button button-primary"
          data-testid="breakouts-open"
          onClick={() => {
            // Nobody was placed: chance places everybody.
            const places = placed.length === 0 ? atRandom() : draft.value
            move(call, places)
          }}
        >
          {t(placed.length === 0 ? 'group.openRandom' : 'group.open')}
        </button>
      </div>
      <details class="by-hand" data-testid="groups-by-hand">
        <summary>{t('group.byHand')}</summary>
        <ul class="places">
          {guests.map((guest) => (
            <Place
              key={guest.id}
              participant={guest}
              group={draft.value.get(guest.id) ?? null}
              count={count}
              put={(group) => {
                draft.value = new Map([...draft.value, [guest.id, group]])
              }}
            />
          ))}
        </ul>
      </details>
    </>
  )
}

function OpenGroups({ call }: { call: Call }) {
  const { participants, selfId } = call.state.value
  const guests = participants.filter(({ role }) => role === 'guest')
  const own = participants.find(({ isSelf }) => isSelf)?.group ?? null
  const highest = Math.max(...participants.map(({ group }) => group ?? -1))
  const all = [null, ...Array.from({ length: highest + 1 }, (_, group) => group)]
  // One more, so that somebody can be put into a new one.
  const count = Math.min(MAX_GROUPS, highest + 2)
  return (
    <>
      <button
        type="button"
        class="button button-primary"
        data-testid="breakouts-close"
        onClick={() => {
          move(call, new Map(participants.map(({ id }) => [id, null])))
        }}
      >
        {t('group.close')}
      </button>
      {all.map((group) => {
        const members = guests.filter((guest) => guest.group === group)
        if (members.length === 0 && group !== own) return null
        return (
          <section key={group ?? 'whole'} class="group" data-testid="group" data-group={String(group)}>
            <div class="group-head">
              <h4>
                {groupName(group)} <span class="help">{tn('people.count', members.length)}</span>
              </h4>
              {group === own ? (
                <span class="help">{t('group.youAreHere')}</span>
              ) : (
                <button
                  type="button"
                  class="button button-secondary"
                  data-testid="group-visit"
                  aria-label={t('group.visitOne', { group: groupName(group) })}
                  onClick={() => {
                    if (selfId !== null) move(call, new Map([[selfId, group]]))
                  }}
                >
                  {t('group.visit')}
                </button>
              )}
            </div>
            {group === null && members.length > 0 && <p class="help">{t('group.notPlaced')}</p>}
            <ul class="places">
              {members.map((member) => (
                <Place
                  key={member.id}
                  participant={member}
                  group={group}
                  count={count}
                  put={(to) => {
                    move(call, new Map([[member.id, to]]))
                  }}
                />
              ))}
            </ul>
          </section>
        )
      })}
    </>
  )
}

interface PlaceProps {
  participant: Participant
  group: number | null
  count: number
  put: (group: number | null) => void
}

/** One person, and the group they are to be in. */
function Place({ participant, group, count, put }: PlaceProps) {
  const { displayName } = participant
  return (
    <li class="place">
      <span class="place-name">{displayName}</span>
      <select
        class="field place-group"
        data-testid="group-of"
        data-name={displayName}
        aria-label={t('group.of', { name: displayName })}
        value={group === null ? '' : String(group)}
        onChange={(event) => {
          const { value } = event.currentTarget
          put(value === '' ? null : Number(value))
        }}
      >
        <option value="">{groupName(null)}</option>
        {Array.from({ length: count }, (_, number) => (
          <option key={number} value={String(number)}>
            {groupName(number)}
          </option>
        ))}
      </select>
    </li>
  )
}

function move(call: Call, places: Places): void {
  void call.ask({ type: 'set_groups', places: [...places].map(([participant, group]) => ({ participant, group })) })
}

// An incident as the data-protection officer reads it: the note, and the room at that moment. No
// address, no link and no title of a room is in it.

import type { CallState, Participant, ParticipantId } from '../../call/state'
import { language, t } from '../../i18n'
import { groupName } from '../class/group-name'
import { profileTitle } from '../profiles'

/** What a moderator reports. */
export interface Incident {
  readonly note: string
  /** Whom it is about; `null` for nobody in particular. */
  readonly about: ParticipantId | null
  readonly at: Date
}

/** The whole report, in the language of the screen. `knownAs` gives the moderator's own name for
 * somebody, where there is one. */
export function incidentText(
  { participants, rules }: CallState,
  { note, about, at }: Incident,
  knownAs: (participant: Participant) => string | null,
): string {
  const named = (participant: Participant) => {
    const known = knownAs(participant)
    return known === null ? participant.displayName : t('incident.text.known', { name: participant.displayName, known })
  }
  const concerned = participants.find(({ id }) => id === about)
  const date = new Intl.DateTimeFormat(language.value, { dateStyle: 'full', timeStyle: 'long' }).format(at)
  return [
    t('incident.text.title'),
    t('incident.text.date', { date }),
    t('incident.text.about', { name: concerned === undefined ? t('incident.nobodyNamed') : named(concerned) }),
    '',
    t('incident.text.note'),
    note.trim() === '' ? '—' : note.trim(),
    '',
    t('incident.text.present', { count: participants.length }),
    ...participants.map((participant) => `- ${[named(participant), ...details(participant)].join(' ; ')}`),
    '',
    t('incident.text.rules'),
    ...(rules === null ? [] : rulesLines(rules)),
  ].join('\n')
}

function details({ role, isSelf, active, group, away }: Participant): string[] {
  return [
    ...(role === 'moderator' ? [t('people.moderator')] : []),
    ...(isSelf ? [t('incident.text.author')] : []),
    ...(['microphone', 'camera', 'screen'] as const).flatMap((source) => (active.has(source) ? [t(`incident.text.${source}`)] : [])),
    ...(group === null ? [] : [groupName(group)]),
    ...(away ? [t('tile.away')] : []),
  ]
}

function rulesLines({ profile, video, open }: NonNullable<CallState['rules']>): string[] {
  const line = (label: string, on: boolean) => `- ${label} : ${t(on ? 'rules.yes' : 'rules.no')}`
  return [
    `- ${t('rules.kind', { kind: profileTitle(profile) })}`,
    line(t('rules.lobby'), open.lobby),
    line(t('rules.locked'), open.locked),
    ...(['microphone', 'camera', 'screen', 'chat', 'rename'] as const)
      .filter((right) => video || (right !== 'camera' && right !== 'screen'))
      .map((right) => line(`${t('rules.guests')} : ${t(`rules.guest.${right}`)}`, open.guests[right])),
  ]
}

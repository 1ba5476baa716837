// What this server holds about whoever looks, in words. The bytes stand beside them, in a fold.

import { language, t, tn, type TextKey } from '../../i18n'
import type { Known, KnownMember, Quality, Role, TrackSource } from '../../protocol/generated'
import { OPINIONS } from '../class/gestures'
import { groupName } from '../class/group-name'

/** One thing that is held, as it is read; in an encrypted room (`sealed`) some of it is not held at all. */
export function knownWords<F extends keyof Known>(field: F, value: Known[F], sealed: boolean): string {
  if (sealed && SEALED.has(field)) return t('known.sealed')
  if (value === null || (Array.isArray(value) && value.length === 0)) return t('known.nothing')
  if (sealed && field === 'displayName' && typeof value === 'string') return t('known.sealedName', { name: value })
  return WORDS[field](value)
}

/** Travels within the circle alone, in an encrypted room. */
const SEALED: ReadonlySet<keyof Known> = new Set(['hand', 'opinion'])

const WORDS: { readonly [F in keyof Known]: (value: NonNullable<Known[F]>) => string } = {
  displayName: String,
  address: String,
  participant: String,
  role: roleWords,
  linkRole: roleWords,
  link: String,
  handle: String,
  delegation: ({ expiresAt }) => t('known.until', { date: new Intl.DateTimeFormat(language.value, { dateStyle: 'long', timeStyle: 'short' }).format(expiresAt * 1000) }),
  granted: (rights) => listed(RIGHTS.filter((right) => rights[right]).map((right) => t(`rules.own.${right}`))),
  group: groupName,
  hand: String,
  opinion: (opinion) => listed(OPINIONS.filter(({ name }) => name === opinion).map(({ label }) => t(label))),
  hasVoted: yesNo,
  recordingAnswer: yesNo,
  recordingReceipt: () => t('known.receipt'),
  isSpeaking: yesNo,
  isSpotlit: yesNo,
  moderatorsOnly: yesNo,
  active: (sources) => listed(sources.map((source) => t(SOURCE[source]))),
  stopped: (sources) => listed(sources.map((source) => t(SOURCE[source]))),
  quality: (quality) => t(QUALITY[quality]),
  circle: memberWords,
  arrival: String,
  wordsLeft: String,
  slots: (slots) => {
    const carried = slots.flatMap(({ track }) => (track === null ? [] : [t(SOURCE[track.source])]))
    const free = slots.length - carried.length
    return listed([...counted(carried), ...(free === 0 ? [] : [tn('known.places', free)])])
  },
  pausedSlots: ({ length }) => tn('known.pictures', length),
  unplayableSlots: ({ length }) => tn('known.pictures', length),
  layersWanted: (wanted) => listed(wanted.map(({ source, rids }) => `${t(SOURCE[source])} (${tn('known.sizes', rids.length)})`)),
  missedOfferWanted: yesNo,
  offers: String,
}

function roleWords(role: Role): string {
  return t(role === 'moderator' ? 'people.moderator' : 'known.guest')
}

function yesNo(value: boolean): string {
  return t(value ? 'common.yes' : 'common.no')
}

function memberWords(member: KnownMember): string {
  const { memberKey, admission, keyPackage, firstEpoch, readyEpoch, messagesLeft, kibibytesLeft } = member
  return listed([
    ...(memberKey === null ? [] : [t('known.memberKey')]),
    ...(admission === null ? [] : [t('known.admission')]),
    ...(keyPackage === null ? [] : [t('known.keyPackage')]),
    ...(firstEpoch === null ? [] : [t('known.epochs', { first: firstEpoch, ready: readyEpoch ?? '–' })]),
    t('known.sealedLeft', { messages: messagesLeft, kibibytes: kibibytesLeft }),
  ])
}

/** The same thing several times, once, with how many times. */
function counted(words: readonly string[]): string[] {
  return [...new Set(words)].map((word) => {
    const times = words.filter((other) => other === word).length
    return times === 1 ? word : `${word} × ${String(times)}`
  })
}

function listed(words: readonly string[]): string {
  return words.length === 0 ? t('known.nothing') : words.join(', ')
}

const RIGHTS = ['microphone', 'camera', 'screen', 'chat', 'rename'] as const satisfies readonly (keyof Known['granted'])[]

const QUALITY = {
  good: 'known.quality.good',
  fair: 'known.quality.fair',
  poor: 'known.quality.poor',
} as const satisfies Record<Quality, TextKey>

const SOURCE = {
  microphone: 'known.source.microphone',
  camera: 'known.source.camera',
  screen: 'known.source.screen',
  screen_audio: 'known.source.screen_audio',
} as const satisfies Record<TrackSource, TextKey>

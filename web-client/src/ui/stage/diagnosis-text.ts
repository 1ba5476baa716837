// A diagnosis in words: the same rows on the screen and in the report to copy. The report names
// nobody: participants are numbered.

import type { Diagnosis } from '../../call/diagnostics'
import type { EncryptionState } from '../../call/encryption-state'
import type { Participant, ParticipantId } from '../../call/state'
import { language, t } from '../../i18n'
import { browserName } from '../test-report'

/** The numbers of a whole connection, each with its name. */
export function numbersOf(diagnosis: Diagnosis): [name: string, value: string][] {
  const { path } = diagnosis
  const server = path?.server
  return [
    [t('diagnostics.roundTrip'), milliseconds(diagnosis.mediaRoundTrip)],
    [t('diagnostics.signaling'), milliseconds(diagnosis.signalingRoundTrip)],
    [t('diagnostics.incoming'), kilobits(diagnosis.incomingBitrate)],
    [t('diagnostics.incomingLoss'), percent(diagnosis.incomingLoss)],
    [t('diagnostics.outgoing'), kilobits(diagnosis.outgoingBitrate)],
    [t('diagnostics.outgoingLoss'), percent(diagnosis.outgoingLoss)],
    [t('diagnostics.estimate'), kilobits(diagnosis.estimatedBitrate)],
    [t('diagnostics.jitter'), milliseconds(diagnosis.jitterBuffer)],
    [t('diagnostics.returns'), String(diagnosis.returns)],
    [
      t('diagnostics.path'),
      path === null || server == null ? t('diagnostics.unknown') : `${path.protocol} ${path.localType} → ${server.address}:${server.port}`,
    ],
  ]
}

/** Rows of the pictures that arrive: whose, size and rate of frames, rate, codec. */
export function receivedRows(diagnosis: Diagnosis, nameOf: (id: ParticipantId) => string): string[][] {
  return diagnosis.received.map((picture) => [
    picture.source === 'screen' ? t('screen.of', { name: nameOf(picture.participant) }) : nameOf(picture.participant),
    shape(picture),
    kilobits(picture.bitrate),
    picture.codec,
  ])
}

/** Rows of the layers that are sent: which, size and rate of frames, rate, codec. */
export function sentRows(diagnosis: Diagnosis): string[][] {
  return diagnosis.sent.map((layer) => [
    [t(layer.source === 'camera' ? 'call.camera' : 'call.screen'), layer.rid].join(' ').trim(),
    shape(layer),
    kilobits(layer.bitrate),
    layer.codec,
  ])
}

/** How far somebody has come with the encryption, and what became of their frames. */
export interface EncryptionRow {
  readonly name: string
  readonly state: 'member' | 'none'
  readonly good: number
  readonly dropped: number
  readonly clear: number
}

/** Rows of the encryption: what oneself sends, then everybody present. */
export function encryptionRows(
  { frames }: Diagnosis,
  { members }: EncryptionState,
  people: readonly Pick<Participant, 'id' | 'isSelf' | 'displayName'>[],
): EncryptionRow[] {
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0)
  return people.map(({ id, isSelf, displayName }) => {
    const state = members.has(id) ? 'member' : 'none'
    if (isSelf) {
      const sent = frames?.sent ?? []
      return {
        name: t('diagnostics.own'),
        state,
        good: sum(sent.map(({ encrypted }) => encrypted)),
        dropped: sum(sent.map(({ dropped }) => dropped)),
        clear: sum(sent.map(({ clear }) => clear)),
      }
    }
    const received = (frames?.received ?? []).filter(({ participant }) => participant === id)
    const dropped = received.map((track) => track.dropped)
    return {
      name: displayName,
      state,
      good: sum(received.map(({ decrypted }) => decrypted)),
      dropped: sum(dropped.map(({ no_key, forged, replayed, misrouted }) => no_key + forged + replayed + misrouted)),
      clear: sum(dropped.map(({ clear }) => clear)),
    }
  })
}

/** Everything as plain lines. */
export function diagnosisReport(diagnosis: Diagnosis, now: Date): string {
  const ids = [...new Set(diagnosis.received.map(({ participant }) => participant))]
  const number = (id: ParticipantId) => t('diagnostics.participant', { number: ids.indexOf(id) + 1 })
  const table = (rows: string[][]) => (rows.length === 0 ? [t('diagnostics.none')] : rows.map((row) => row.join(' | ')))
  return [
    `Préau – ${t('diagnostics.title')}`,
    '',
    ...numbersOf(diagnosis).map(([name, value]) => `${name} | ${value}`),
    '',
    t('diagnostics.received'),
    ...table(receivedRows(diagnosis, number)),
    '',
    t('diagnostics.sent'),
    ...table(sentRows(diagnosis)),
    '',
    `${t('report.server')} ${location.host}`,
    `${t('report.browser')} ${browserName(navigator.userAgent)}`,
    `${t('report.date')} ${now.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
  ].join('\n')
}

function shape({ width, height, framesPerSecond }: { width: number; height: number; framesPerSecond: number }): string {
  return t('diagnostics.picture', { width, height, frames: Math.round(framesPerSecond) })
}

function milliseconds(value: number | null): string {
  return value === null ? t('diagnostics.unknown') : t('test.time', { milliseconds: Math.round(value) })
}

function kilobits(value: number | null): string {
  if (value === null) return t('diagnostics.unknown')
  const rounded = new Intl.NumberFormat(language.value, { maximumFractionDigits: 0 }).format(value / 1_000)
  return t('diagnostics.kilobits', { value: rounded })
}

function percent(value: number | null): string {
  if (value === null) return t('diagnostics.unknown')
  return new Intl.NumberFormat(language.value, { style: 'percent', maximumFractionDigits: 1 }).format(value)
}

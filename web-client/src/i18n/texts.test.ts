import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { STEPS, type StepState, type TestProblem } from '../call/connection-test'
import type { Connection, LocalProblem, Phase } from '../call/state'
import type { KeepOutcome } from '../keep'
import { type KeptFault, PROFILES } from '../kept-rooms'
import type { DoctorLevel, ErrorCode, RecordingEnd, Rights } from '../protocol/generated'
import type { ArchiveFault } from '../recordings/archive'
import type { JournalError } from '../recordings/journal'
import { PURPOSES } from '../ui/consent/terms'
import { LAYOUTS } from '../ui/stage/arrange'
import { SHORTCUTS } from '../ui/stage/shortcuts'
import en from './en.json'
import fr from './fr.json'
import { chooseLanguage, language, loadLanguage, t, tn } from './index'

/** Written out so that a new value does not compile until it is listed here. */
const ERROR_CODES: Record<ErrorCode, true> = {
  malformed: true,
  message_too_large: true,
  rate_limited: true,
  protocol_version: true,
  not_joined: true,
  already_joined: true,
  name_invalid: true,
  token_invalid: true,
  offer_invalid: true,
  slot_unknown: true,
  track_unknown: true,
  join_refused: true,
  room_full: true,
  room_ended: true,
  not_allowed: true,
  delegation_invalid: true,
  host_key_missing: true,
  room_locked: true,
  link_ended: true,
  not_there: true,
  incidents_off: true,
  incidents_full: true,
  recording_off: true,
  recording_forbidden: true,
  recording_running: true,
  no_recording: true,
  terms_invalid: true,
  authorisations_missing: true,
  encryption_required: true,
  not_encrypted: true,
  mls_stale: true,
  host_pass_required: true,
  restarting: true,
  overloaded: true,
  internal: true,
}
const LOCAL_PROBLEMS: Record<LocalProblem, true> = {
  link_incomplete: true,
  browser_unsupported: true,
  insecure_context: true,
  encryption_no_frames: true,
  encryption_no_curves: true,
  encryption_no_raw: true,
  encryption_missing: true,
  encryption_other_flags: true,
  encryption_other_key: true,
  clock_wrong: true,
  not_admitted: true,
  moderator_appeared: true,
  circle_refused: true,
  frames_refused: true,
  encryption_stopped: true,
  ballots_unreadable: true,
  server_unreachable: true,
  media_blocked: true,
  microphone_missing: true,
  camera_missing: true,
  microphone_refused: true,
  camera_refused: true,
  screen_refused: true,
  microphone_busy: true,
  camera_busy: true,
  screen_failed: true,
  replaced: true,
  microphone_stopped: true,
  camera_stopped: true,
  screen_stopped: true,
  microphone_asked: true,
  camera_asked: true,
  screen_asked: true,
  microphone_forbidden: true,
  camera_forbidden: true,
  screen_forbidden: true,
  role_given: true,
  role_taken: true,
}
const CONNECTIONS: Record<Connection, true> = {
  connected: true,
  reconnecting: true,
  server_restarting: true,
  media_connecting: true,
}
const LEFT: Record<Extract<Phase, { name: 'left' }>['reason'], true> = {
  left: true,
  room_ended: true,
  meeting_ended: true,
  replaced: true,
  server_restart: true,
  ejected: true,
  entry_refused: true,
}

const TEST_PROBLEMS: Record<TestProblem, true> = {
  devices_unavailable: true,
  server_unexpected: true,
  websocket_blocked: true,
  udp_blocked: true,
  udp_detour: true,
  udp_handshake: true,
}
const STEP_STATES: Record<StepState, true> = {
  waiting: true,
  running: true,
  good: true,
  doubtful: true,
  failed: true,
  skipped: true,
  closed: true,
}

const DOCTOR_LEVELS: Record<DoctorLevel, true> = { ok: true, warn: true, fail: true }

const KEEP_FAULTS: Record<KeptFault | Exclude<KeepOutcome, 'kept'> | 'title', true> = {
  too_large: true,
  not_ours: true,
  damaged: true,
  full: true,
  blocked: true,
  unreadable: true,
  title: true,
}
const RIGHTS: Record<keyof Rights, true> = { microphone: true, camera: true, screen: true, chat: true, rename: true }
const RECORDING_ENDS: Record<RecordingEnd, true> = { stopped: true, disk_full: true, failed: true, room_ended: true }
const ARCHIVE_FAULTS: Record<ArchiveFault | JournalError['fault'], true> = {
  refused: true,
  gone: true,
  unreachable: true,
  altered: true,
  unverifiable: true,
}

/** Keys made from a value: by whom, for which values. */
const MADE_KEYS = [
  ...Object.keys({ ...ERROR_CODES, ...LOCAL_PROBLEMS }).flatMap((name) => [`error.${name}.title`, `error.${name}.help`]),
  ...Object.keys(CONNECTIONS).map((name) => `connection.${name}`),
  ...Object.keys(LEFT).map((name) => `left.title.${name}`),
  ...Object.keys(TEST_PROBLEMS).flatMap((name) => [`test.cause.${name}.title`, `test.cause.${name}.help`]),
  ...Object.keys(STEP_STATES).map((name) => `test.state.${name}`),
  ...['auto', ...LAYOUTS].map((name) => `layout.${name}`),
  ...Object.keys(SHORTCUTS).map((name) => `shortcuts.${name}`),
  ...['udp', 'tcp', 'tls'].flatMap((way) => [`doctor.way.${way}`, `doctor.wayCure.${way}`]),
  ...Object.keys(DOCTOR_LEVELS).map((name) => `doctor.level.${name}`),
  ...STEPS.map((name) => `test.step.${name}`),
  ...Object.keys(KEEP_FAULTS).map((name) => `keep.fault.${name}`),
  ...PROFILES.flatMap((name) => [`profile.${name}.title`, `profile.${name}.line`]),
  ...['lesson', 'today', 'week', 'room'].map((name) => `links.until.${name}`),
  ...['running', 'good', 'doubtful', 'failed'].map((name) => `test.verdict.${name}`),
  ...Object.keys(RIGHTS).flatMap((name) => [`rules.guest.${name}`, `rules.own.${name}`]),
  ...['microphone', 'camera', 'screen'].map((name) => `incident.text.${name}`),
  ...['none', 'name', 'class', 'later', 'own'].map((name) => `lobby.reason.${name}`),
  ...PURPOSES.map((name) => `recording.aim_${name}`),
  ...Object.keys(RECORDING_ENDS).map((name) => `recording.end.${name}`),
  ...['purpose', 'details', 'days', 'audience', 'authorisations'].map((name) => `recording.wrong.${name}`),
  ...Object.keys(ARCHIVE_FAULTS).map((name) => `recordings.fault.${name}`),
]

const SOURCE = sources(join(import.meta.dirname, '..'))

describe('texts', () => {
  it('are the same keys in both languages, in the same order', () => {
    expect(Object.keys(en)).toEqual(Object.keys(fr))
  })

  it('are never empty and keep the same places to fill', () => {
    for (const [key, text] of Object.entries(fr)) {
      const other = (en as Record<string, string>)[key] ?? ''
      expect(text.trim(), key).not.toBe('')
      expect(other.trim(), key).not.toBe('')
      expect(places(other), key).toEqual(places(text))
    }
  })

  it('exist for every problem, connection and ending, with what to do', () => {
    for (const key of MADE_KEYS) expect(Object.keys(fr), key).toContain(key)
  })

  it('are all used', () => {
    const unused = Object.keys(fr).filter((key) => {
      if (MADE_KEYS.includes(key)) return false
      const stem = key.replace(/\.(one|other)$/, '')
      return !isNamed(key) && !(stem !== key && isNamed(stem))
    })
    expect(unused).toEqual([])
  })
})

describe('French typography', () => {
  const lines = Object.values(fr)

  it('has a no-break space before double punctuation and inside quotation marks', () => {
    for (const line of lines) {
      // Not an address, not a "https://".
      expect(line.replace('https://', ''), line).not.toMatch(/[^\u00a0\u202f][:;!?»]/)
      expect(line, line).not.toMatch(/«[^\u00a0]/)
    }
  })

  it('has curly apostrophes and one-character ellipses', () => {
    for (const line of lines) expect(line).not.toMatch(/'|\.\.\./)
  })
})

describe('English typography', () => {
  it('has curly marks and no French space', () => {
    for (const line of Object.values(en)) {
      expect(line).not.toMatch(/['"«»\u00a0\u202f]|\.\.\./)
    }
  })
})

describe('language', () => {
  beforeAll(() => loadLanguage('en'))

  it.each([
    [['fr-CA', 'en'], 'fr'],
    [['en-GB', 'fr'], 'en'],
    [['de', 'en'], 'en'],
    [['de', 'it'], 'fr'],
    [[], 'fr'],
    [['FR'], 'fr'],
  ] as const)('of a person who prefers %j is %s', (preferred, expected) => {
    expect(chooseLanguage(preferred)).toBe(expected)
  })

  it('changes every text at once', () => {
    language.value = 'fr'
    expect(t('call.leave')).toBe('Quitter')
    language.value = 'en'
    expect(t('call.leave')).toBe('Leave')
  })

  it('counts as its grammar does', () => {
    language.value = 'fr'
    expect([0, 1, 2].map((count) => tn('people.count', count))).toEqual(['0 participant', '1 participant', '2 participants'])
    language.value = 'en'
    expect([0, 1, 2].map((count) => tn('people.count', count))).toEqual(['0 participants', '1 participant', '2 participants'])
  })

  it('fills places without reading them as patterns', () => {
    language.value = 'fr'
    expect(t('tile.you', { name: '$& {name}' })).toBe('$& {name} (vous)')
  })
})

/** In a call, or in an attribute. */
function isNamed(key: string): boolean {
  return SOURCE.includes(`'${key}'`) || SOURCE.includes(`"${key}"`)
}

function places(text: string): string[] {
  return (text.match(/\{\w+\}/g) ?? []).sort()
}

function sources(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .map((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return sources(path)
      return /(?<!\.test)\.tsx?$/.test(entry.name) ? readFileSync(path, 'utf8') : ''
    })
    .join('\n')
}

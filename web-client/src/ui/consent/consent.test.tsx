// @vitest-environment happy-dom
import { render } from 'preact'
import { act } from 'preact/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { classOf, fakeCall } from '../../../gallery/fake-call'
import { INITIAL_MODEL } from '../../call/model'
import { NO_RECORDING, type Recording } from '../../call/recording'
import type { HostTools, PreparedRecording } from '../../call/host'
import type { CallState } from '../../call/state'
import type { Call } from '../../call/store'
import { language, t } from '../../i18n'
import en from '../../i18n/en.json'
import { OPEN_RULES } from '../../protocol/samples'
import type { RecordingInfo } from '../../protocol/generated'
import { problemHelp } from '../problem'
import { ConsentBanner } from './consent-banner'
import { recordingEntries } from './menu'
import RecordDialog from './record-dialog'
import { RecordingEnded, TOLD_MS } from './recording-ended'
import { RecordingStrip } from './recording-strip'

const KEY = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'
const INFO: RecordingInfo = {
  recording: 'A'.repeat(22),
  terms: { purpose: 'other', details: '<img src=x onerror=alert(1)>', retentionDays: 7, audience: '</p><script>alert(2)</script>' },
  askedBy: 'B'.repeat(22),
  askedByName: 'Mme <b>Lefèvre</b>',
  recipients: [
    { name: null, key: KEY },
    { name: 'Archives <i>du collège</i>', key: KEY.replace('ql3', 'qq3') },
  ],
  recipientsSignature: null,
  startedAt: 1_800_000_000,
  textVersion: 1,
}
const PREPARED = expect.objectContaining({ recipient: KEY }) as PreparedRecording

let root: HTMLElement
let call: Call

beforeEach(() => {
  language.value = 'fr'
  root = document.createElement('div')
  document.body.append(root)
})

afterEach(async () => {
  vi.unstubAllGlobals()
  await act(() => {
    render(null, root)
  })
  root.remove()
})

describe('the question to everybody', () => {
  it('r18_says_who_asks_what_for_how_long_for_whom_and_which_keys_open_it', async () => {
    await ask({})
    const text = root.textContent
    for (const part of [INFO.askedByName, INFO.terms.details, INFO.terms.audience, '7 jours', 'Archives <i>du collège</i>', 'Lien d’animation']) {
      expect(text).toContain(part)
    }
    expect(text).toContain(t('consent.what'))
    expect(text).toContain('Les messages écrits, jamais.')
    expect(en['consent.what']).toContain('Written messages never are.')
    // As text, whatever it looks like.
    expect(root.querySelectorAll('img, script, b, i')).toHaveLength(0)
  })

  it('r18_shows_all_that_decides_first_and_keeps_the_keys_a_click_away', async () => {
    for (const encrypted of [true, false]) {
      await ask({}, undefined, encrypted)
      const fold = find('consent-more') as HTMLDetailsElement
      expect(fold.open).toBe(false)
      const folded = fold.textContent
      expect(folded).toContain(find('recording-recipients').textContent)
      fold.remove()
      for (const part of [INFO.terms.details, INFO.terms.audience, '7 jours', '2 clés', 'Lien d’animation', 'Archives', t('consent.what'), t('consent.silence')]) {
        expect(root.textContent).toContain(part)
      }
      expect(root.textContent).not.toContain('age1')
      expect(root.querySelectorAll('button')).toHaveLength(5)
    }
  })

  it('r19_has_two_equal_answers_none_chosen_before_and_no_other_way_to_close', async () => {
    const before = document.activeElement
    await ask({})
    const [yes, no] = [find('consent-accept'), find('consent-refuse')]
    expect(yes.className).toBe(no.className)
    expect(yes.parentElement).toBe(no.parentElement)
    expect(document.activeElement).toBe(before)
    expect(root.querySelectorAll('[autofocus], :checked, input, dialog')).toHaveLength(0)
    expect([...root.querySelectorAll('button')].map(({ dataset }) => dataset['testid'])).toEqual([
      'consent-camera-off',
      'consent-microphone-off',
      'consent-rename',
      'consent-accept',
      'consent-refuse',
    ])
  })

  it('r21_offers_to_turn_the_camera_and_the_microphone_off_and_to_change_the_pseudonym', async () => {
    const renamed = vi.fn()
    await ask({ camera: 'on', microphone: 'on' }, renamed)
    await click('consent-camera-off')
    await click('consent-microphone-off')
    await click('consent-rename')
    expect(call.state.value).toMatchObject({ camera: 'off', microphone: 'off' })
    expect(renamed).toHaveBeenCalledOnce()
    // Nothing of it is an answer.
    expect(call.state.value.recording.chosen).toBe('none')
    expect(find('consent-accept')).toBeTruthy()
  })

  it('r21_lets_another_pseudonym_be_chosen_before_the_answer_whatever_the_rules_say', async () => {
    const rights = { ...OPEN_RULES.open.guests, rename: false }
    for (const encrypted of [true, false]) {
      const renamed = vi.fn()
      await ask({ rights }, renamed, encrypted)
      await click('consent-rename')
      expect(renamed, String(encrypted)).toHaveBeenCalledOnce()
    }
  })

  it('offers no yes in an encrypted room before the keys were found signed, and none where they are not', async () => {
    for (const vouched of [null, false]) {
      await ask({ recording: { ...NO_RECORDING, info: INFO, vouched } })
      expect(all('consent-accept')).toHaveLength(0)
      expect(all('consent-refuse')).toHaveLength(1)
      const told = find('consent-vouched')
      expect(told.textContent).toBe(t(vouched === null ? 'consent.vouching' : 'consent.unvouched'))
      expect(told.getAttribute('role')).toBe('status')
    }
    await ask({})
    expect(all('consent-accept')).toHaveLength(1)
    expect(find('consent-vouched').textContent).toBe(t('consent.vouched'))
    expect(root.textContent).toContain(t('consent.encrypted'))
  })

  it('says nothing of keys in a room that is not encrypted, and takes a yes', async () => {
    await ask({ recording: { ...NO_RECORDING, info: INFO } }, undefined, false)
    expect(all('consent-vouched')).toHaveLength(0)
    expect(root.textContent).not.toContain(t('consent.encrypted'))
    await click('consent-accept')
    expect(call.state.value.recording.chosen).toBe('accepted')
  })

  it('names who asks as the meeting does, where the server has no name', async () => {
    const [asker] = classOf(3)
    if (asker === undefined) throw new Error('nobody')
    const info = { ...INFO, askedBy: asker.id, askedByName: 'Invité 1' }
    await ask({ recording: { ...NO_RECORDING, info, vouched: true }, selfId: null })
    expect(root.textContent).toContain(t('consent.title', { name: asker.displayName }))
  })

  it('goes with an answer', async () => {
    await ask({})
    await click('consent-refuse')
    expect(all('consent-banner')).toHaveLength(0)
    expect(call.state.value.recording.chosen).toBe('refused')
  })
})

describe('the mark of a recording', () => {
  it('stands for everybody and is told to screen readers', async () => {
    for (const chosen of ['none', 'accepted', 'refused', 'withdrawn'] as const) {
      await strip({ chosen, settled: chosen })
      expect(find('recording-mark').textContent).toBe(t('recording.running'))
      expect(find('recording-news').getAttribute('role')).toBe('status')
      expect(find('recording-news').textContent).toContain(t('recording.running'))
      expect(find('recording-own').dataset['recorded']).toBe(String(chosen === 'accepted'))
    }
    await strip({ info: null })
    expect(all('recording-mark')).toHaveLength(0)
    expect(find('recording-news').textContent).toBe('')
  })

  it('r19_lets_an_answer_be_withdrawn_or_thought_over_and_kept', async () => {
    await strip({ chosen: 'accepted', settled: 'accepted', receipt: '{"line":{}}' })
    expect(all('consent-receipt')).toHaveLength(1)
    await click('consent-withdraw')
    expect(call.state.value.recording.chosen).not.toBe('accepted')
    await strip({ chosen: 'refused', settled: 'refused' })
    expect(all('consent-withdraw')).toHaveLength(0)
    expect(all('consent-review')).toHaveLength(1)
  })

  it('says that an answer is on its way until the server has it', async () => {
    await strip({ chosen: 'accepted', settled: 'none' })
    expect(find('recording-own').textContent).toBe(t('consent.onItsWay'))
    expect(find('recording-own').dataset['recorded']).toBe('false')
  })

  it('r20_says_that_nothing_is_sent_until_the_server_has_heard_a_withdrawal', async () => {
    await strip({ chosen: 'withdrawn', settled: 'accepted', yesMayStand: true })
    expect(find('recording-own').textContent).toBe(t('consent.held'))
    expect(find('recording-own').dataset['held']).toBe('true')
    expect(find('recording-news').textContent).toContain(t('consent.held'))
    await strip({ chosen: 'withdrawn', settled: 'withdrawn' })
    expect(find('recording-own').textContent).toBe(t('consent.refused'))
    expect(find('recording-news').textContent).not.toContain(t('consent.held'))
  })

  it('says what is not recorded because it is not for everybody', async () => {
    const accepted = { chosen: 'accepted', settled: 'accepted' } as const
    const saidIn = async (place: Partial<CallState>) => {
      await strip(accepted, 'guest', place)
      const { dataset, textContent } = find('recording-own')
      return [dataset['recorded'], textContent]
    }
    const on = { microphone: 'on', camera: 'on' } as const
    expect(await saidIn(on)).toEqual(['true', t('consent.recorded')])
    expect(await saidIn({ ...on, moderatorsOnly: true })).toEqual(['true', t('consent.butCamera')])
    expect(await saidIn({ camera: 'on', moderatorsOnly: true })).toEqual(['true', t('consent.butCameraOff')])
    const inGroup = classOf(3).map((one) => ({ ...one, group: 0 }))
    expect(await saidIn({ moderatorsOnly: true, participants: inGroup })).toEqual(['false', t('consent.inGroup')])
    await ask({})
    expect(root.textContent).toContain(t('consent.narrow'))
  })

  it('says of nothing that is off that it is recorded', async () => {
    const saidWith = async (place: Partial<CallState>) => {
      await strip({ chosen: 'accepted', settled: 'accepted' }, 'guest', place)
      return find('recording-own').textContent
    }
    expect(await saidWith({})).toBe(t('consent.recordedOff'))
    expect(await saidWith({ microphone: 'on' })).toBe(t('consent.recordedVoice'))
    expect(await saidWith({ camera: 'on' })).toBe(t('consent.recordedPicture'))
    expect(await saidWith({ screen: 'on' })).toBe(t('consent.recordedPicture'))
    expect(await saidWith({ moderatorsOnly: true })).toBe(t('consent.recordedOff'))
    expect(await saidWith({ moderatorsOnly: true, screen: 'on' })).toBe(t('consent.recordedPicture'))
  })

  it('tells moderators how many, and lets them stop it', async () => {
    const counts = { accepted: 3, refused: 1, unanswered: 2 }
    await strip({ counts }, 'moderator')
    expect(find('recording-counts').textContent).toBe('3 d’accord, 1 non, 2 sans réponse')
    expect(all('record-stop')).toHaveLength(1)
    await strip({ counts }, 'guest')
    expect(all('recording-counts')).toHaveLength(0)
    expect(all('record-stop')).toHaveLength(0)
  })

  it('is followed by why it ended', async () => {
    await draw({ recording: { ...NO_RECORDING, ended: 'disk_full' } }, () => <RecordingEnded call={call} />)
    expect(find('recording-ended').getAttribute('role')).toBe('alert')
    expect(root.textContent).toContain(t('recording.end.disk_full'))
    await click('recording-ended-close')
    expect(all('recording-ended')).toHaveLength(0)
  })
})

describe('the end of a recording', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('is told for a while, for as long as somebody is at it, and goes', async () => {
    vi.useFakeTimers()
    await draw({ recording: { ...NO_RECORDING, ended: 'stopped' } }, () => <RecordingEnded call={call} />)
    find('recording-ended-close').focus()
    await act(() => void vi.advanceTimersByTime(TOLD_MS))
    expect(all('recording-ended')).toHaveLength(1)
    find('recording-ended-close').blur()
    await act(() => void vi.advanceTimersByTime(TOLD_MS - 1))
    expect(all('recording-ended')).toHaveLength(1)
    await act(() => void vi.advanceTimersByTime(1))
    expect(all('recording-ended')).toHaveLength(0)
  })

  it('stays where it is a fault, until it is closed', async () => {
    vi.useFakeTimers()
    await draw({ recording: { ...NO_RECORDING, ended: 'failed' } }, () => <RecordingEnded call={call} />)
    await act(() => void vi.advanceTimersByTime(10 * TOLD_MS))
    expect(all('recording-ended')).toHaveLength(1)
  })

  it('leaves the receipt in the menu', () => {
    const recording = { ...NO_RECORDING, receipt: '{}' }
    const entries = (recording: Recording) => recordingEntries(fakeCall({ ...INITIAL_MODEL.view, role: 'guest', recording }), { value: false } as never)
    expect(entries(recording).map(({ testId }) => testId)).toEqual(['last-receipt'])
    expect(entries({ ...recording, info: INFO })).toEqual([])
  })
})

describe('starting a recording', () => {
  it('r18_takes_nothing_without_purpose_days_and_audience', async () => {
    const started = await dialog({})
    await click('record-confirm')
    expect(root.querySelectorAll('.wrong')).toHaveLength(3)
    fill('record-retention', '31')
    await click('record-confirm')
    expect(root.querySelectorAll('.wrong')).toHaveLength(4)
    expect(started).not.toHaveBeenCalled()
    fill('record-retention', '14')
    choose('record-purpose', 'revision')
    fill('record-details', ' Révisions ')
    fill('record-audience', 'La classe')
    await click('record-confirm')
    expect(started).toHaveBeenCalledExactlyOnceWith({
      prepared: PREPARED,
      terms: { purpose: 'revision', details: 'Révisions', retentionDays: 14, audience: 'La classe' },
      establishment: [{ name: 'Archives', key: KEY }],
      authorisations: false,
    })
    expect(find('record-named-by-server').textContent).toBe(t('recording.recipientsOfServer'))
  })

  it('shows the keys that will open it before anybody is asked', async () => {
    await dialog({})
    const shown = find('recording-recipients').textContent
    expect(shown).toContain('Lien d’animation')
    expect(shown).toContain('Archives')
  })

  it('r45_asks_for_the_authorisations_where_there_are_minors', async () => {
    const started = await dialog({ minors: true })
    choose('record-purpose', 'revision')
    fill('record-details', 'Révisions')
    fill('record-audience', 'La classe')
    await click('record-confirm')
    expect(started).not.toHaveBeenCalled()
    const box = find('record-authorisations')
    expect((box as HTMLInputElement).checked).toBe(false)
    await act(() => {
      box.click()
    })
    await click('record-confirm')
    expect(started).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ prepared: PREPARED, authorisations: true }))
  })

  it('says why it was refused, and tries again as another recording', async () => {
    const started = await dialog({})
    choose('record-purpose', 'revision')
    fill('record-details', 'Révisions')
    fill('record-audience', 'La classe')
    started.mockResolvedValueOnce('overloaded')
    await click('record-confirm')
    await vi.waitFor(() => {
      expect(find('record-confirm').getAttribute('aria-disabled')).toBe('false')
    })
    expect(find('error-message').textContent).toContain(problemHelp('overloaded'))
    await click('record-confirm')
    const [first, second] = started.mock.calls.map(([{ prepared }]) => prepared.recording)
    expect(second).toMatch(/^[\w-]{22}$/)
    expect(second).not.toBe(first)
    expect(all('error-message')).toHaveLength(0)
  })

  it('r22_says_why_where_it_is_off_not_for_this_room_or_not_for_this_person', async () => {
    await dialog({ policy: false })
    expect(find('record-obstacle').dataset['obstacle']).toBe('off')
    await dialog({ profile: 'sensible' })
    expect(find('record-obstacle').dataset['obstacle']).toBe('profile')
    await dialog({ host: false })
    expect(find('record-obstacle').dataset['obstacle']).toBe('link')
  })

  it('is offered to moderators alone', () => {
    const entries = (role: 'moderator' | 'guest', recording: Recording) =>
      recordingEntries(fakeCall({ ...INITIAL_MODEL.view, role, recording }), { value: false } as never).map(({ testId }) => testId)
    expect(entries('guest', NO_RECORDING)).toEqual([])
    expect(entries('moderator', NO_RECORDING)).toEqual(['record-start', 'recordings-open'])
    expect(entries('moderator', { ...NO_RECORDING, info: INFO })).toEqual(['recordings-open'])
  })
})

async function ask(state: Partial<CallState>, rename: () => void = () => undefined, encrypted = true): Promise<void> {
  const recording = { ...NO_RECORDING, info: INFO, vouched: true }
  await draw(
    { recording, rights: OPEN_RULES.open.guests, ...state },
    () => <ConsentBanner call={call} again={false} answered={() => undefined} rename={rename} />,
    encrypted,
  )
}

async function strip(
  recording: Partial<Recording>,
  role: 'guest' | 'moderator' = 'guest',
  place: Partial<CallState> = {},
): Promise<void> {
  await draw({ ...place, role, recording: { ...NO_RECORDING, info: INFO, ...recording } }, () => <RecordingStrip call={call} review={() => undefined} />)
}

interface Setting {
  policy?: boolean
  minors?: boolean
  host?: boolean
  encrypted?: boolean
  profile?: 'reunion' | 'sensible'
}

async function dialog({ policy = true, minors = false, host = true, profile = 'reunion', encrypted = false }: Setting) {
  const recording = policy ? { maxDays: 30, recipients: [{ name: 'Archives', key: KEY }] } : null
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ recording }))))
  const started = vi.fn<HostTools['startRecording']>(() => Promise.resolve(null))
  const rules = { ...OPEN_RULES, profile, open: { ...OPEN_RULES.open, minors } }
  const made = fakeCall({ ...INITIAL_MODEL.view, phase: { name: 'in_call' }, role: 'moderator', rules, participants: classOf(2) }, encrypted)
  const tools = made.host
  if (tools === null) throw new Error('a moderator')
  call = { ...made, host: host ? { ...tools, startRecording: started } : null }
  await act(() => {
    render(null, root)
  })
  await act(() => {
    render(<RecordDialog call={call} close={() => undefined} />, root)
  })
  await vi.waitFor(() => {
    if (root.querySelector('[data-testid=record-cancel]') === null) throw new Error('still looking')
  })
  return started
}

async function draw(state: Partial<CallState>, what: () => preact.JSX.Element, encrypted = true): Promise<void> {
  call = fakeCall({ ...INITIAL_MODEL.view, phase: { name: 'in_call' }, rules: OPEN_RULES, participants: classOf(3), ...state }, encrypted)
  await act(() => {
    render(null, root)
  })
  const Drawn = () => what()
  await act(() => {
    render(<Drawn />, root)
  })
}

function all(testId: string): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>(`[data-testid=${testId}]`)]
}

function find(testId: string): HTMLElement {
  const [element] = all(testId)
  if (element === undefined) throw new Error(`no ${testId}: ${root.textContent}`)
  return element
}

async function click(testId: string): Promise<void> {
  await act(() => {
    find(testId).click()
  })
}

function fill(testId: string, value: string): void {
  const field = find(testId) as HTMLInputElement
  field.value = value
  field.dispatchEvent(new Event('input', { bubbles: true }))
}

function choose(testId: string, value: string): void {
  const field = find(testId) as HTMLSelectElement
  field.value = value
  field.dispatchEvent(new Event('change', { bubbles: true }))
}

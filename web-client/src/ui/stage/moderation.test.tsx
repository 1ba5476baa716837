// @vitest-environment happy-dom
import { render } from 'preact'
import { act } from 'preact/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { signal } from '@preact/signals'
import { classOf, fakeCall } from '../../../gallery/fake-call'
import { INITIAL_MODEL } from '../../call/model'
import type { CallState } from '../../call/state'
import type { Call, ClassRequest } from '../../call/store'
import { language, t } from '../../i18n'
import { OPEN_RULES } from '../../protocol/samples'
import type { Moderation } from './moderation'
import { People } from './people'
import { RoomRulesPanel } from './room-rules'
import { groupName } from '../class/group-name'
import { HostWatch } from './host-watch'
import { Eject } from './eject'
import { Intrusion } from './intrusion'
import { Lobby } from './lobby'
import { StageNotices } from './notices'
import { makeView } from './view'

const CLOSED = { ...OPEN_RULES, open: { ...OPEN_RULES.open, guests: { ...OPEN_RULES.open.guests, screen: false } } }
const [teacher, pupil, other] = classOf(3)
if (teacher === undefined || pupil === undefined || other === undefined) throw new Error('a class of three')

let root: HTMLElement
let asked: ClassRequest[]

beforeEach(() => {
  language.value = 'fr'
  root = document.createElement('div')
  document.body.append(root)
})

afterEach(async () => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  await act(() => {
    render(null, root)
  })
  root.remove()
})

describe('the list of people', () => {
  it('offers nothing about others to guests, and nobody anything about themselves', async () => {
    await people({ role: 'guest' })
    for (const control of ['person-menu', 'mute-one', 'mute-all']) expect(all(control)).toHaveLength(0)
    await people({ role: 'moderator' })
    expect(all('person-menu')).toHaveLength(2)
  })

  it('stops one microphone, or all, and turns nothing on', async () => {
    await people({ participants: [teacher, { ...pupil, active: new Set(['microphone'] as const) }] })
    await click('mute-one')
    await click('mute-all')
    await click('stop-all-pictures')
    expect(asked).toEqual([
      { type: 'stop_source', participant: pupil.id, source: 'microphone' },
      { type: 'stop_source', participant: null, source: 'microphone' },
      { type: 'stop_source', participant: null, source: 'camera' },
      { type: 'stop_source', participant: null, source: 'screen' },
    ])
  })

  it('stops what is on and invites to what is off', async () => {
    await people({ participants: [teacher, { ...pupil, active: new Set(['camera', 'screen'] as const) }] })
    await click('person-menu')
    expect(entries()).toEqual(['invite-microphone', 'stop-camera', 'stop-screen', 'spotlight', 'pin', 'set-role', 'report', 'eject'])
  })

  it('allows a screen that the rules forbid, before it invites to it', async () => {
    await people({ rules: CLOSED, participants: [teacher, { ...pupil, active: new Set() }] })
    await click('person-menu')
    await click('invite-screen')
    expect(asked).toEqual([
      { type: 'grant', participant: pupil.id, source: 'screen', granted: true },
      { type: 'invite', participant: pupil.id, source: 'screen' },
    ])
    await click('person-menu')
    expect(one('allow-screen').getAttribute('aria-pressed')).toBe('true')
    await click('allow-screen')
    expect(asked.at(-1)).toEqual({ type: 'grant', participant: pupil.id, source: 'screen', granted: false })
  })

  it('has nothing about pictures in a room of voices', async () => {
    await people({ rules: { ...OPEN_RULES, video: false }, participants: [teacher, { ...pupil, active: new Set() }] })
    expect(all('stop-all-pictures')).toHaveLength(0)
    await click('person-menu')
    expect(entries().filter((name) => /camera|screen/.test(name))).toEqual([])
  })

  it('says group and hand, and offers another pseudonym only where the rules do', async () => {
    const life = { ...INITIAL_MODEL.view.life, hands: [pupil.id] }
    await people({ life, participants: [teacher, { ...pupil, group: 1 }], rights: { ...OPEN_RULES.open.guests, rename: false } })
    expect(root.textContent).toContain(groupName(1))
    expect(root.textContent).toContain(t('people.hand'))
    expect(all('rename-in-list')).toHaveLength(0)
  })
})

describe('the rules of the room', () => {
  const LOBBY = { ...CLOSED.open, lobby: true }

  it('are changed one by one, the others as they are', async () => {
    const call = callIn({ rules: CLOSED })
    await draw(<RoomRulesPanel call={call} close={() => undefined} />)
    await click('rule-lobby')
    await click('rule-screen')
    expect(asked).toEqual([
      { type: 'set_rules', was: CLOSED.open, rules: LOBBY },
      { type: 'set_rules', was: LOBBY, rules: { ...LOBBY, guests: OPEN_RULES.open.guests } },
    ])
  })

  it('can be read by guests, and not changed', async () => {
    const call = callIn({ role: 'guest', rules: CLOSED, rights: CLOSED.open.guests })
    await draw(<RoomRulesPanel call={call} close={() => undefined} />)
    expect(root.querySelectorAll('[role=switch]')).toHaveLength(0)
    expect(root.querySelector('[data-right=screen]')?.textContent).toContain(t('rules.no'))
  })
})

describe('whose microphone was stopped', () => {
  it('reads whether they may turn it on again', async () => {
    const may = OPEN_RULES.open.guests
    for (const [rights, help] of [[may, 'microphone_stopped'], [{ ...may, microphone: false }, 'microphone_forbidden']] as const) {
      await draw(<StageNotices call={callIn({ rights, notices: [{ key: 1, problem: 'microphone_stopped' }] })} reminding={signal(false)} />)
      expect(all('news')[0]?.textContent).toContain(t(`error.${help}.help`))
    }
  })
})

describe('an invitation', () => {
  it('opens the device by the person’s own click alone', async () => {
    const call = callIn({ notices: [{ key: 1, problem: 'microphone_asked' }] })
    const opened = vi.spyOn(call, 'setMicrophone')
    await draw(<StageNotices call={call} reminding={signal(false)} />)
    expect(opened).not.toHaveBeenCalled()
    await click('invitation-accept')
    expect(opened).toHaveBeenCalledWith(true)
    expect(all('invitation')).toHaveLength(0)
  })

  it('to show a screen begins with the reminder', async () => {
    const reminding = signal(false)
    vi.stubGlobal('navigator', { mediaDevices: { getDisplayMedia: null } })
    await draw(<StageNotices call={callIn({ notices: [{ key: 1, problem: 'screen_asked' }] })} reminding={reminding} />)
    await click('invitation-later')
    expect(reminding.value).toBe(false)
    await draw(<StageNotices call={callIn({ notices: [{ key: 1, problem: 'screen_asked' }] })} reminding={reminding} />)
    await click('invitation-accept')
    expect(reminding.value).toBe(true)
  })

  it('to show a screen offers nothing where the device cannot', async () => {
    vi.stubGlobal('navigator', { mediaDevices: {} })
    await draw(<StageNotices call={callIn({ notices: [{ key: 1, problem: 'screen_asked' }] })} reminding={signal(false)} />)
    expect(all('invitation-accept')).toHaveLength(0)
    expect(all('invitation')[0]?.textContent).toContain(t('invited.noScreen'))
  })
})

describe('an intrusion', () => {
  it('is over only where everything was done, and names who could not be put out', async () => {
    const call = callIn({ role: 'moderator' })
    const intrusion = (refused: string) => (
      <Intrusion call={{ ...call, ask: ({ type }) => Promise.resolve(type !== refused) }} moderation={makeModeration()} close={() => undefined} />
    )
    await draw(intrusion('eject'))
    await click('intruder')
    expect(root.querySelector('h2')?.textContent).toBe(t('intrusion.titlePartly'))
    expect(one('intrusion-stayed').textContent).toContain(other.displayName)
    await draw(intrusion('set_rules'))
    await click('intruder')
    expect(root.querySelector('h2')?.textContent).toBe(t('intrusion.titlePartly'))
    await draw(intrusion('nothing'))
    await click('intruder')
    expect(root.querySelector('h2')?.textContent).toBe(t('intrusion.titleDone'))
  })
})

describe('whoever is put out', () => {
  it('is told of by the line of whoever did it, once that is done, and is not said to have left', async () => {
    for (const done of [true, false]) {
      const moderation = makeModeration()
      const known: boolean[] = []
      const ask: Call['ask'] = () => {
        known.push(moderation.putOut.has(pupil.id))
        return Promise.resolve(done)
      }
      await draw(<Eject call={{ ...callIn({}), ask }} moderation={moderation} participant={pupil} close={() => undefined} />)
      await click('eject-confirm')
      expect([known, moderation.putOut.has(pupil.id)]).toEqual([[true], done])
      expect(moderation.said.value).toBe(done ? t('call.departed', { name: pupil.displayName }) : '')
    }
  })
})

describe('who is not let in', () => {
  it('is told the reason that was chosen, or nothing', async () => {
    const call = callIn({ waiting: [{ id: pupil.id, displayName: 'Inès' }, { id: other.id, displayName: 'Maël' }] })
    await draw(<Lobby call={call} />)
    await click('lobby-refuse')
    const choice = one('lobby-reason') as HTMLSelectElement
    await act(() => {
      choice.value = 'class'
      choice.dispatchEvent(new Event('change', { bubbles: true }))
    })
    await click('lobby-refuse')
    expect(asked).toEqual([
      { type: 'refuse_entry', participant: pupil.id, reason: null },
      { type: 'refuse_entry', participant: other.id, reason: t('lobby.reason.class') },
    ])
  })
})

describe('a meeting that nobody runs', () => {
  it('is told at once when the last moderator leaves, later when they are only away, and when one is back', async () => {
    vi.useFakeTimers()
    const view = { ...base(), participants: [{ ...teacher, isSelf: false }, { ...pupil, isSelf: true }] }
    const state = signal<CallState>(view)
    await draw(<HostWatch call={{ ...fakeCall(view), state }} />)
    const become = async (change: Partial<CallState>, milliseconds: number) => {
      await act(() => {
        state.value = { ...state.value, ...change }
      })
      await act(() => {
        vi.advanceTimersByTime(milliseconds)
      })
    }
    const away = { ...teacher, isSelf: false, away: true }
    await become({ participants: [away, pupil] }, 4_000)
    expect(root.textContent).toBe('')
    // Whatever else happens meanwhile.
    await become({ saving: true }, 1_500)
    expect(root.textContent).toBe(t('hosts.none'))
    await become({ participants: [{ ...away, away: false }, pupil] }, 0)
    expect(root.textContent).toBe(t('hosts.back', { name: teacher.displayName }))
    await become({}, 9_000)
    expect(root.textContent).toBe('')
    await become({ participants: [pupil] }, 1)
    expect(root.textContent).toBe(t('hosts.none'))
  })
})

function base(): CallState {
  return {
    ...INITIAL_MODEL.view,
    phase: { name: 'in_call' },
    role: 'moderator',
    rules: OPEN_RULES,
    rights: OPEN_RULES.open.guests,
    participants: classOf(3),
  }
}

function callIn(change: Partial<CallState>): Call {
  asked = []
  const call = fakeCall({ ...base(), ...change })
  const ask: Call['ask'] = (request) => {
    asked.push(request)
    return call.ask(request)
  }
  return { ...call, ask }
}

function makeModeration(): Moderation {
  return { dialog: signal(null), said: signal(''), putOut: new Set() }
}

async function people(change: Partial<CallState>): Promise<void> {
  await draw(<People call={callIn(change)} view={makeView()} moderation={makeModeration()} renaming={signal(false)} close={() => undefined} />)
}

async function draw(what: preact.ComponentChild): Promise<void> {
  await act(() => {
    render(null, root)
  })
  await act(() => {
    render(what, root)
  })
}

function all(testId: string): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>(`[data-testid=${testId}]`)]
}

function one(testId: string): HTMLElement {
  const [element] = all(testId)
  if (element === undefined) throw new Error(`no ${testId}`)
  return element
}

function entries(): string[] {
  return [...root.querySelectorAll<HTMLElement>('.person-actions button')].map(({ dataset }) => dataset['testid'] ?? '')
}

async function click(testId: string): Promise<void> {
  await act(async () => {
    one(testId).click()
    await new Promise((resolve) => setTimeout(resolve))
  })
}

// @vitest-environment happy-dom
import { signal } from '@preact/signals'
import { render } from 'preact'
import { act } from 'preact/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { classOf, fakeCall } from '../../../gallery/fake-call'
import { INITIAL_MODEL } from '../../call/model'
import type { CallState, Participant } from '../../call/state'
import type { Call, ClassRequest } from '../../call/store'
import { language, t } from '../../i18n'
import { OPEN_RULES } from '../../protocol/samples'
import { leaveOrAsk, LeaveQuestion } from './leave'

const [teacher, pupil, other] = classOf(3)
if (teacher === undefined || pupil === undefined || other === undefined) throw new Error('a class of three')
const colleague: Participant = { ...other, role: 'moderator' }

let root: HTMLElement

beforeEach(() => {
  language.value = 'fr'
  root = document.createElement('div')
  document.body.append(root)
})

afterEach(async () => {
  await act(() => {
    render(null, root)
  })
  root.remove()
})

describe('leaving', () => {
  it.each([
    ['nobody else is here', { participants: [teacher] }],
    ['another moderator is here', { participants: [teacher, pupil, colleague] }],
    ['only those who were cut are left', { participants: [teacher, { ...pupil, away: true }] }],
    ['one does not run the meeting', { role: 'guest' }],
  ] as [string, Partial<CallState>][])('is one click where %s', (_, change) => {
    expect(click(change)).toEqual({ left: 1, asks: false })
  })

  it.each([
    ['nobody else runs the meeting', {}],
    ['the other moderator is away', { participants: [teacher, pupil, { ...colleague, away: true }] }],
  ] as [string, Partial<CallState>][])('is asked about where %s', (_, change) => {
    expect(click(change)).toEqual({ left: 0, asks: true })
  })

  it('leaves the meeting open, or stays, as one chooses', async () => {
    const { leave, leaving, asked } = await question({})
    expect(root.textContent).toContain(t('leave.alone'))
    await press('leave-cancel')
    expect([leaving.value, leave.mock.calls.length]).toEqual([false, 0])
    await press('leave-confirm')
    expect([leave.mock.calls.length, asked.length]).toEqual([1, 0])
  })

  it('ends the meeting for all by one request, which changes nothing else', async () => {
    const { asked, leave } = await question({})
    await press('leave-end')
    // The page leaves when the server says goodbye, as everybody's does.
    expect([asked, leave.mock.calls]).toEqual([[{ type: 'end_meeting' }], []])
    expect(root.textContent).not.toContain(t('leave.notEnded'))
  })

  it('says that the meeting could not be ended, and asks again at the next click', async () => {
    const { asked } = await question({}, 'end_meeting')
    await press('leave-end')
    expect(root.querySelector('[role=status]')?.textContent).toBe(t('leave.notEnded'))
    await press('leave-end')
    expect(asked).toHaveLength(2)
  })

  it.each([
    ['leave.endOpen', {}],
    ['leave.endLobby', { lobby: true }],
    ['leave.endLocked', { lobby: true, locked: true }],
  ] as const)('says who can come back: %s', async (text, open) => {
    await question({ rules: { ...OPEN_RULES, open: { ...OPEN_RULES.open, ...open } } })
    expect(root.textContent).toContain(t(text))
  })
})

function callIn(change: Partial<CallState>): Call {
  const base: CallState = {
    ...INITIAL_MODEL.view,
    phase: { name: 'in_call' },
    selfId: teacher?.id ?? null,
    role: 'moderator',
    rules: OPEN_RULES,
    participants: classOf(3),
  }
  return fakeCall({ ...base, ...change })
}

function click(change: Partial<CallState>): { left: number; asks: boolean } {
  const leave = vi.fn()
  const leaving = signal(false)
  leaveOrAsk({ ...callIn(change), leave }, leaving)
  return { left: leave.mock.calls.length, asks: leaving.value }
}

/** The question, in a room whose server refuses one kind of request. */
async function question(change: Partial<CallState>, refused?: ClassRequest['type']) {
  const asked: ClassRequest[] = []
  const [leave, leaving] = [vi.fn(), signal(true)]
  const ask: Call['ask'] = (request) => {
    asked.push(request)
    return Promise.resolve(request.type !== refused)
  }
  const call = { ...callIn(change), ask, leave }
  await act(() => {
    render(null, root)
  })
  await act(() => {
    render(<LeaveQuestion call={call} leaving={leaving} />, root)
  })
  return { asked, leave, leaving }
}

async function press(testId: string): Promise<void> {
  await act(async () => {
    root.querySelector<HTMLElement>(`[data-testid=${testId}]`)?.click()
    await new Promise((resolve) => setTimeout(resolve))
  })
}

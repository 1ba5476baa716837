// @vitest-environment happy-dom
import { signal } from '@preact/signals'
import { render } from 'preact'
import { act } from 'preact/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { classOf, fakeCall, pageOf } from '../../gallery/fake-call'
import { INITIAL_MODEL } from '../call/model'
import type { Care } from '../call/care'
import type { CallState, Problem } from '../call/state'
import type { Call } from '../call/store'
import { chosenLanguage, language, t } from '../i18n'
import { App } from './app'
import Stage from './stage/stage'
import { OPEN_RULES } from '../protocol/samples'

const LINK = `/r/${'A'.repeat(22)}#v1.${'A'.repeat(22)}`

let root: HTMLElement

beforeEach(() => {
  language.value = 'fr'
  history.replaceState(null, '', LINK)
  vi.stubGlobal('ResizeObserver', Silent)
  vi.stubGlobal('IntersectionObserver', Silent)
  vi.stubGlobal('fetch', () => Promise.reject(new Error('no server here')))
  // A browser that could share a screen; the gallery's call never asks it to.
  Object.defineProperty(navigator, 'mediaDevices', { configurable: true, value: { getDisplayMedia: null } })
  root = document.createElement('div')
  document.body.append(root)
})

afterEach(async () => {
  vi.useRealTimers()
  await act(() => {
    render(null, root)
  })
  root.remove()
  vi.unstubAllGlobals()
})

describe('before joining', () => {
  it('asks for one optional pseudonym and opens no device', async () => {
    const asked = await show({ phase: { name: 'prejoin' } })
    expect(root.querySelectorAll('input')).toHaveLength(1)
    const field = input('pseudonym')
    expect(field.required).toBe(false)
    expect(field.maxLength).toBe(40)
    await type(field, 'Camille')
    await submit('join')
    expect(asked).toEqual([['join', 'Camille']])
  })

  it('joins only once', async () => {
    const asked = await show({ phase: { name: 'joining' } })
    await submit('join')
    expect(asked).toEqual([])
  })

  it('shows the guest link to moderators only', async () => {
    await show({ phase: { name: 'prejoin' } })
    expect(has('guest-link')).toBe(false)
    await show({ phase: { name: 'prejoin' }, role: 'moderator' })
    expect(input('guest-link').value).toContain('#v1.')
  })
})

describe('at the door', () => {
  it('promises nothing of a moderator who may not be there, and says when the server is lost', async () => {
    await show({ phase: { name: 'waiting' } })
    expect(find('lobby-waiting').textContent).toContain(t('waiting.told'))
    const lost = [['reconnecting', 'waiting.reconnecting'], ['server_restarting', 'waiting.restarting']] as const
    for (const [connection, text] of lost) {
      await show({ phase: { name: 'waiting' }, connection })
      expect(find('connection-state').textContent).toBe(t(text))
      expect(root.textContent).not.toContain(t('waiting.told'))
    }
  })
})

describe('in the room', () => {
  it('says of each switch whether it is on', async () => {
    await show({ microphone: 'on', camera: 'opening' })
    expect(find('mic-toggle').getAttribute('aria-pressed')).toBe('true')
    expect(find('camera-toggle').getAttribute('aria-pressed')).toBe('false')
    expect(find('camera-toggle').getAttribute('aria-busy')).toBe('true')
  })

  it('turns the microphone on and off', async () => {
    const asked = await show({ microphone: 'off' })
    await click('mic-toggle')
    await click('mic-toggle')
    expect(asked).toEqual([
      ['setMicrophone', true],
      ['setMicrophone', false],
    ])
  })

  it.each([
    ['microphone', 'mic-toggle', ['setMicrophone', false]],
    ['camera', 'camera-toggle', ['turnCameraOff']],
    ['screen', 'screen-toggle', ['stopScreen']],
  ] as const)('a second click while the %s opens takes the first one back', async (device, toggle, taken) => {
    const asked = await show({ [device]: 'opening' })
    await click(toggle)
    expect(asked).toEqual([taken])
  })

  it('enters where the browser has no devices at all', async () => {
    Object.defineProperty(navigator, 'mediaDevices', { configurable: true, value: undefined })
    await show({})
    expect(has('mic-toggle')).toBe(true)
    expect(has('screen-toggle')).toBe(false)
  })

  it('offers the other language in the menu, where the bar has no place for it, and says which it is', async () => {
    await show({})
    await click('more')
    const entry = find('language-in-menu')
    expect(entry.textContent).toBe('English')
    expect(entry.querySelector('[lang=en]')).not.toBeNull()
    expect(entry.closest('.menu-narrow')).not.toBeNull()
    await click('language-in-menu')
    await vi.waitFor(() => {
      expect(language.value).toBe('en')
    })
    expect(has('language-in-menu')).toBe(false)
  })

  it('previews the camera before anything is sent', async () => {
    const asked = await show({ camera: 'off' })
    await click('camera-toggle')
    expect(asked).toEqual([['openCameraPreview']])
    expect(root.querySelector('dialog')?.open).toBe(true)
    await click('camera-confirm')
    expect(asked.slice(1)).toEqual([['confirmCamera']])
    expect(root.querySelector('dialog')).toBeNull()
    await click('camera-toggle')
    expect(asked.slice(2)).toEqual([['turnCameraOff']])
  })

  it('reminds of confidential documents before the picker, and can be told no', async () => {
    const asked = await show({ screen: 'off' })
    await click('screen-toggle')
    expect(asked).toEqual([])
    expect(root.textContent).toContain(t('screen.remindClose'))
    await click('screen-cancel')
    expect(root.querySelector('dialog')).toBeNull()
    await click('screen-toggle')
    await click('screen-confirm')
    expect(asked).toEqual([['startScreen']])
  })

  it('needs one click for the camera, and one for the screen: the rest comes after a moment', async () => {
    vi.useFakeTimers()
    const asked = await show({ camera: 'off', screen: 'off' })
    for (const [toggle, opened, done] of [
      ['camera-toggle', [['openCameraPreview']], 'confirmCamera'],
      ['screen-toggle', [], 'startScreen'],
    ] as const) {
      const before = asked.length
      await click(toggle)
      await pass(2_900)
      expect(asked.slice(before)).toEqual(opened)
      await pass(200)
      expect(asked.slice(before + opened.length)).toEqual([[done]])
      expect(root.querySelector('dialog')).toBeNull()
    }
  })

  it.each(['camera-wait', null])('waits as long as one likes after %s or a move to its buttons', async (button) => {
    vi.useFakeTimers()
    const asked = await show({ camera: 'off' })
    await click('camera-toggle')
    if (button === null) await act(() => { find('camera-confirm').focus() })
    else await click(button)
    await pass(60_000)
    expect(asked).toEqual([['openCameraPreview']])
    expect(root.textContent).toContain(t('camera.waiting'))
    await click('camera-cancel')
    expect(asked.slice(1)).toEqual([['cancelCameraPreview']])
  })

  it('shows all the time that the screen is shared, and stops with one click', async () => {
    const asked = await show({ screen: 'on' })
    expect(has('sharing-bar')).toBe(true)
    await click('screen-stop')
    expect(asked).toEqual([['stopScreen']])
    expect(has('sharing-bar')).toBe(false)
  })

  it('marks a connection that is not good, in words too', async () => {
    const [self, other] = classOf(2)
    if (self === undefined || other === undefined) throw new Error('a class of two')
    await show({ participants: [self, { ...other, quality: 'poor' }] })
    const marks = [...root.querySelectorAll<HTMLElement>('[data-testid=quality]')]
    expect(marks.map(({ dataset }) => dataset['quality'])).toEqual(['poor'])
    expect(marks[0]?.textContent).toBe(t('tile.poor'))
  })

  it('has one tile for each participant, with name, id and oneself marked', async () => {
    await show({ participants: classOf(12) })
    const tiles = [...root.querySelectorAll<HTMLElement>('[data-testid=tile]')]
    expect(tiles.map(({ dataset }) => dataset['participant'])).toEqual(classOf(12).map(({ id }) => id))
    expect(tiles.map(({ dataset }) => dataset['name'])).toEqual(classOf(12).map(({ displayName }) => displayName))
    expect(tiles.filter(({ dataset }) => dataset['self'] === 'true')).toHaveLength(1)
    expect(find('participant-count').textContent).toBe('12')
  })

  it('lets a person rename themselves, and nobody else', async () => {
    const asked = await show({ participants: classOf(4) })
    expect(root.querySelectorAll('[data-testid=rename]')).toHaveLength(1)
    await click('rename')
    await type(input('rename-field'), '  Zoé  ')
    await submit('rename-save')
    expect(asked).toEqual([['rename', 'Zoé']])
    expect(has('rename-field')).toBe(false)
  })

  it('does not ask the server for the same or an empty name', async () => {
    const asked = await show({ participants: classOf(2) })
    await click('rename')
    await type(input('rename-field'), '   ')
    await submit('rename-save')
    expect(asked).toEqual([])
  })

  it('says in words what the connection is doing', async () => {
    for (const connection of ['connected', 'reconnecting', 'server_restarting', 'media_connecting'] as const) {
      await show({ connection })
      expect(find('connection-state').dataset['state']).toBe(connection)
      expect(find('connection-state').textContent).toBe(t(`connection.${connection}`))
    }
  })

  it('says until when a meeting can go on before a restart', async () => {
    await show({})
    expect(has('restart-notice')).toBe(false)
    vi.useFakeTimers({ now: new Date(2027, 0, 4, 9, 5, 30), toFake: ['Date'] })
    await show({ restartsAt: performance.now() + 70 * 60_000 })
    expect(find('restart-notice').textContent).toBe(t('restart.announced', { time: '10:15' }))
    expect(find('restart-notice').parentElement?.getAttribute('role')).toBe('status')
  })

  it('leaves with one click', async () => {
    const asked = await show({})
    await click('leave')
    expect(asked).toEqual([['leave']])
  })

  it('tells a problem with what to do, until it is dismissed', async () => {
    const asked = await show({ notices: [{ key: 7, problem: 'camera_busy' }] })
    const message = find('error-message')
    expect(message.getAttribute('role')).toBe('alert')
    expect(message.textContent).toContain(t('error.camera_busy.help'))
    await act(() => {
      message.querySelector('button')?.click()
    })
    expect(asked).toEqual([['dismissNotice', 7]])
    expect(has('error-message')).toBe(false)
  })

  it('writes to the moderators alone where the rules say so, and says why', async () => {
    const asked = await show({ rights: { ...OPEN_RULES.open.guests, chat: false } })
    await click('chat')
    expect(input('chat-to-everybody').disabled).toBe(true)
    expect(root.textContent).toContain(t('chat.closed'))
    await write('Bonjour')
    await submit('chat-send')
    expect(asked).toEqual([['ask', { type: 'chat', audience: 'moderators', text: 'Bonjour' }]])
  })

  it('sends no line that is longer than the server takes, and keeps it', async () => {
    const asked = await show({})
    await click('chat')
    await write('x'.repeat(65_536))
    await submit('chat-send')
    expect(asked).toEqual([])
    expect(find('chat-too-long').textContent).toContain('63536')
    expect(find('chat-input')).toHaveProperty('value.length', 65_536)
  })

  it('counts what was not read, and keeps what is half written', async () => {
    const other = classOf(2)[1]?.id
    if (other === undefined) throw new Error('a class of two')
    const line = { key: 1, participant: other, displayName: 'Camille', isSelf: false, audience: 'everybody', text: 'Bonjour', at: 0 } as const
    await show({ life: { ...INITIAL_MODEL.view.life, chat: [line], nextKey: 2 } })
    expect(find('chat-unread').textContent).toContain(t('chat.unread.one', { count: 1 }))
    await click('chat')
    expect(has('chat-unread')).toBe(false)
    await write('À demain')
    await click('panel-close')
    await click('chat')
    expect(find('chat-input')).toHaveProperty('value', 'À demain')
  })

  it('draws as present only those of the own group', async () => {
    const people = classOf(4).map((one, index) => ({ ...one, group: index === 2 ? 1 : 0 }))
    await show({ participants: people })
    const tiles = [...root.querySelectorAll<HTMLElement>('[data-testid=tile]')].map(({ dataset }) => dataset['participant'])
    expect(tiles).toEqual([0, 1, 3].map((index) => people[index]?.id))
    expect(find('group-banner').textContent).toContain(t('group.name', { number: 1 }))
    expect(find('participant-count').textContent).toBe('4')
  })

  it('lets a pupil be seen by the teacher alone, and a teacher not', async () => {
    const asked = await show({ camera: 'off' })
    await click('camera-toggle')
    await click('only-teacher')
    expect(asked.slice(1)).toEqual([['setModeratorsOnly', true]])
    await show({ camera: 'off', role: 'moderator' })
    await click('camera-toggle')
    expect(has('only-teacher')).toBe(false)
  })

  it('places everybody at random at one click, balanced', async () => {
    const asked = await show({ role: 'moderator', participants: classOf(9) })
    await click('class')
    await click('breakouts-open')
    const [[, request] = []] = asked as [string, { type: string; places: { group: number }[] }][]
    expect(request?.type).toBe('set_groups')
    expect(request?.places.map(({ group }) => group).sort()).toEqual([0, 0, 0, 0, 1, 1, 1, 1])
  })

  it('invites as a moderator only', async () => {
    await show({ role: 'guest' })
    await click('more')
    expect(has('invite')).toBe(false)
    await show({ role: 'moderator' })
    await click('more')
    expect(has('invite')).toBe(true)
  })
})

describe('at the end', () => {
  it('says that everything is closed', async () => {
    await show({ phase: { name: 'left', reason: 'left', note: null } })
    expect(find('left-page').textContent).toContain(t('left.closed'))
    expect(root.querySelectorAll('h1')).toHaveLength(1)
  })

  it('offers no way back into a room that ended', async () => {
    await show({ phase: { name: 'left', reason: 'room_ended', note: null } })
    expect(has('rejoin')).toBe(false)
  })

  it('says of a meeting that was ended who did, blames nobody, and leads home', async () => {
    await show({ phase: { name: 'left', reason: 'meeting_ended', note: null } })
    expect(find('left-page').textContent).toContain(t('left.byModerator'))
    expect([has('rejoin'), has('left-home')]).toEqual([false, true])
  })

  it('names a failure and tries again when that makes sense', async () => {
    const asked = await show({ phase: failed('server_unreachable', true) })
    expect(find('error-message').textContent).toContain(t('error.server_unreachable.help'))
    await click('retry')
    expect(asked).toEqual([['retry']])
    expect(has('failure-home')).toBe(false)
    await show({ phase: failed('link_incomplete', false) })
    expect(has('retry')).toBe(false)
    // The way home comes first where the same link hardly helps.
    await show({ phase: failed('join_refused', true) })
    expect(find('failure-home').className).toContain('button-primary')
    expect(find('retry').className).not.toContain('button-primary')
  })
})

describe('language', () => {
  it('changes at once, with the language of the document and the title of the tab', async () => {
    await show({ phase: { name: 'prejoin' } })
    expect(document.documentElement.lang).toBe('fr')
    await switchTo('en')
    expect(root.querySelector('h1')?.textContent).toBe('Join the meeting')
    await vi.waitFor(() => {
      expect(document.title).toBe('Join the meeting · Préau')
    })
  })

  it('outlives a reload and a link where it is not what the browser asks for', async () => {
    // The test's browser asks for English.
    await show({ phase: { name: 'prejoin' } })
    await switchTo('en')
    expect(location.search).toBe('')
    await switchTo('fr')
    expect(location.search).toBe('?lang=fr')
    expect(location.hash).toBe(LINK.slice(LINK.indexOf('#')))
    expect(chosenLanguage(location.search)).toBe('fr')
    expect(root.querySelector('a[href^="/notice"]')?.getAttribute('href')).toBe('/notice?lang=fr')
  })
})

/** Draws a room of two in this state; gives what clicks then ask of the call, in order. */
async function show(change: Partial<CallState>): Promise<readonly unknown[][]> {
  const participants = classOf(2)
  const { call, asked } = recorded({
    ...INITIAL_MODEL.view,
    phase: { name: 'in_call' },
    selfId: participants[0]?.id ?? null,
    role: 'guest',
    rules: OPEN_RULES,
    rights: OPEN_RULES.open.guests,
    participants,
    ...change,
  })
  await act(() => {
    render(null, root)
  })
  await act(() => {
    render(call.state.value.phase.name === 'in_call' ? <Stage call={call} /> : <App page={pageOf(call)} />, root)
  })
  return asked
}

/** A call that does what the gallery's does, without pictures, which need a canvas. */
function recorded(state: CallState): { call: Call; asked: unknown[][] } {
  const asked: unknown[][] = []
  const none = signal<MediaStream | null>(null)
  const members = Object.entries(fakeCall(state)).map(([name, member]: [string, unknown]) => {
    if (name === 'mediaStreamFor') return [name, () => none]
    if (name === 'care') return [name, { ...(member as Care), picture: none }]
    if (typeof member !== 'function' || name === 'setShownHeight') return [name, member]
    const recording = (...values: unknown[]) => {
      asked.push([name, ...values])
      return Reflect.apply(member, undefined, values) as unknown
    }
    return [name, recording]
  })
  const call = Object.fromEntries(members) as Call
  return { call, asked }
}

function failed(problem: Problem, retry: boolean): CallState['phase'] {
  return { name: 'failed', problem, retry }
}

function has(testId: string): boolean {
  return root.querySelector(`[data-testid=${testId}]`) !== null
}

function input(testId: string): HTMLInputElement {
  const element = find(testId)
  if (!(element instanceof HTMLInputElement)) throw new Error(`${testId} is no field`)
  return element
}

function find(testId: string): HTMLElement {
  const element = root.querySelector<HTMLElement>(`[data-testid=${testId}]`)
  if (element === null) throw new Error(`no ${testId}`)
  return element
}

async function click(testId: string): Promise<void> {
  await act(() => {
    find(testId).click()
  })
}

/** Clicks on the other language, and waits for its texts. */
async function switchTo(wanted: string): Promise<void> {
  await click('language')
  await vi.waitFor(() => {
    expect(document.documentElement.lang).toBe(wanted)
  })
}

async function pass(milliseconds: number): Promise<void> {
  await act(() => {
    vi.advanceTimersByTime(milliseconds)
  })
}

async function type(field: HTMLInputElement, text: string): Promise<void> {
  await act(() => {
    field.value = text
    field.dispatchEvent(new Event('input', { bubbles: true }))
  })
}

/** Types into the field of a line to everybody. */
async function write(text: string): Promise<void> {
  await act(() => {
    const field = find('chat-input') as HTMLTextAreaElement
    field.value = text
    field.dispatchEvent(new Event('input', { bubbles: true }))
  })
}

async function submit(testId: string): Promise<void> {
  await act(() => {
    find(testId).closest('form')?.requestSubmit()
  })
}

/** Stands for the observers of sizes, which a page without layout cannot have. */
class Silent {
  observe(): void {
    // Nothing has a size here.
  }
  disconnect(): void {
    // Nothing to stop.
  }
}

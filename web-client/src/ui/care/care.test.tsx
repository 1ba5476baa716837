// @vitest-environment happy-dom
import { signal } from '@preact/signals'
import { render } from 'preact'
import { act } from 'preact/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { classOf, fakeCall } from '../../../gallery/fake-call'
import { INITIAL_MODEL } from '../../call/model'
import type { Care, Masking } from '../../call/care'
import type { CallState } from '../../call/state'
import type { Call } from '../../call/store'
import { OPEN_RULES } from '../../protocol/samples'
import { CareNotices } from './care-notices'
import { DevicePanel } from './device-panel'

let root: HTMLElement

beforeEach(() => {
  root = document.createElement('div')
  document.body.append(root)
})

afterEach(async () => {
  await act(() => {
    render(null, root)
  })
  root.remove()
})

const has = (testId: string) => root.querySelector(`[data-testid=${testId}]`) !== null
const click = async (testId: string) => {
  await act(() => root.querySelector<HTMLElement>(`[data-testid=${testId}]`)?.click())
}

/** A call in the room whose own devices are as told. */
function callWith(state: Partial<CallState>, care: Partial<Care> = {}): Call {
  const call = fakeCall({ ...INITIAL_MODEL.view, phase: { name: 'in_call' }, rules: OPEN_RULES, participants: classOf(2), ...state })
  return { ...call, care: { ...call.care, ...care } }
}

async function notices(call: Call): Promise<void> {
  await act(() => {
    render(<CareNotices call={call} devices={signal(false)} />, root)
  })
}

async function panel(call: Call): Promise<void> {
  await act(() => {
    render(<DevicePanel call={call} open={signal(true)} />, root)
  })
}

describe('a room that cannot be hidden', () => {
  it.each(['too_slow', 'failed'] as Masking[])('(%s) is shown only when the person says so', async (masking) => {
    const setBackground = vi.fn()
    await notices(callWith({ camera: 'on' }, { masking: signal(masking), background: signal('yard'), setBackground }))
    expect(setBackground).not.toHaveBeenCalled()
    await click('masking-retry')
    await click('masking-off')
    expect(setBackground.mock.calls).toEqual([['yard'], ['none']])
  })

  it('can be answered by turning the camera off', async () => {
    const call = callWith({ camera: 'on' }, { masking: signal('too_slow') })
    await notices(call)
    await click('masking-camera-off')
    expect(call.state.value.camera).toBe('off')
    expect(has('masking-trouble')).toBe(false)
  })

  it.each(['off', 'starting', 'on'] as Masking[])('is no trouble while hiding it is %s', async (masking) => {
    await notices(callWith({ camera: 'on' }, { masking: signal(masking) }))
    expect(has('masking-trouble')).toBe(false)
  })
})

describe('a microphone nobody hears', () => {
  it('is told while it is on, until the person knows', async () => {
    const unheard = signal(true)
    const dismissUnheard = () => {
      unheard.value = false
    }
    await notices(callWith({ microphone: 'off' }, { unheard }))
    expect(has('microphone-unheard')).toBe(false)
    await notices(callWith({ microphone: 'on' }, { unheard, dismissUnheard }))
    await click('microphone-unheard-dismiss')
    expect(has('microphone-unheard')).toBe(false)
  })
})

describe('the panel', () => {
  it('turns blur and drawn backgrounds on and off, one at a time', async () => {
    const call = callWith({ camera: 'on' })
    await panel(call)
    const chosen = () => call.care.background.value
    await click('blur')
    expect(chosen()).toBe('blur')
    expect(root.querySelector('[data-testid=blur]')?.getAttribute('aria-checked')).toBe('true')
    await click('background-shelves')
    expect(chosen()).toBe('shelves')
    expect(root.querySelector('[data-testid=blur]')?.getAttribute('aria-checked')).toBe('false')
    await click('background-shelves')
    expect(chosen()).toBe('none')
  })

  it('offers a choice of devices only where there are several', async () => {
    await panel(callWith({}))
    expect(has('choose-camera') && has('choose-microphone')).toBe(true)
    const one = [{ id: '1', label: 'Micro' }]
    await panel(callWith({}, { inputs: signal({ microphone: one, camera: [] }) }))
    expect(has('choose-camera') || has('choose-microphone')).toBe(false)
  })

  it('speaks of no camera in a room of voices', async () => {
    await panel(callWith({ rules: { ...OPEN_RULES, video: false } }))
    expect(has('blur')).toBe(false)
    expect(has('noise-suppression')).toBe(true)
  })
})

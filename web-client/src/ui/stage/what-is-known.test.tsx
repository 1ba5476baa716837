// @vitest-environment happy-dom
import { render } from 'preact'
import { act } from 'preact/test-utils'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fakeCall } from '../../../gallery/fake-call'
import { INITIAL_MODEL } from '../../call/model'
import type { Call } from '../../call/store'
import { language, t } from '../../i18n'
import type { Known } from '../../protocol/generated'
import { KNOWN } from '../../protocol/samples'
import WhatIsKnown from './what-is-known'

const root = document.createElement('div')

beforeEach(() => {
  language.value = 'fr'
  document.body.append(root)
})

afterEach(async () => {
  await act(() => {
    render(null, root)
  })
})

describe('what the server knows', () => {
  it('r29_every_field_the_server_gives_is_shown_under_a_name', async () => {
    await show(() => Promise.resolve({ ...KNOWN, displayName: '<b>Zoé</b>' }))
    const rows = [...root.querySelectorAll('[data-field]')]
    expect(rows.map((row) => row.getAttribute('data-field')).sort()).toEqual(Object.keys(KNOWN).sort())
    for (const row of rows) {
      expect(row.querySelector('dt')?.textContent).not.toBe('')
      expect(row.querySelector('dd')?.textContent).not.toBe('')
    }
    expect(root.querySelector('[data-field=displayName] dd')?.textContent).toBe('<b>Zoé</b>')
    expect(root.querySelector('[data-field=address] dd')?.textContent).toBe('192.0.2.7')
    await show(() => Promise.resolve({ ...KNOWN, group: null, active: [] }))
    expect(root.querySelector('[data-field=group] dd')?.textContent).toBe(t('known.nothing'))
  })

  it('says so when the server does not answer', async () => {
    await show(() => Promise.resolve(null))
    expect(root.querySelector('[role=alert]')?.textContent).toBe(t('known.silent'))
  })
})

async function show(whatIsKnown: () => Promise<Known | null>): Promise<void> {
  const call: Call = { ...fakeCall(INITIAL_MODEL.view), whatIsKnown }
  await act(async () => {
    render(null, root)
    render(<WhatIsKnown call={call} close={() => undefined} />, root)
    await Promise.resolve()
  })
}

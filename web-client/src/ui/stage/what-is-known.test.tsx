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
    await show(() => Promise.resolve({ ...KNOWN, displayName: '<b>Zoé</b>' }), false)
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

  it('is said in words of the language of the page, and every byte of it stands in a fold', async () => {
    const known: Known = { ...KNOWN, circle: MEMBER, role: 'moderator' }
    await show(() => Promise.resolve(known), false)
    for (const row of root.querySelectorAll('[data-field]')) {
      expect(row.textContent, row.getAttribute('data-field') ?? '').not.toMatch(/[{}"]|guest|moderator|good|true|false|null|memberKey|undefined/)
    }
    expect(said('role')).toBe(t('people.moderator'))
    expect(said('granted')).toBe(t('rules.own.screen'))
    expect(said('quality')).toBe('bonne')
    expect(said('hasVoted')).toBe('oui')
    expect(said('slots')).toBe('caméra')
    expect(said('layersWanted')).toBe('caméra (1 taille)')
    expect(said('opinion')).toBe(t('opinion.slower'))
    expect(root.querySelector<HTMLDetailsElement>('details')?.open).toBe(false)
    expect(JSON.parse(root.querySelector('[data-testid=known-raw]')?.textContent ?? '')).toEqual(known)
  })

  it('tells what an encrypted room never gave to the server', async () => {
    await show(() => Promise.resolve({ ...KNOWN, displayName: 'Invité 3', hand: null, opinion: null }))
    expect(said('displayName')).toBe(t('known.sealedName', { name: 'Invité 3' }))
    expect(said('hand')).toBe(t('known.sealed'))
    expect(said('opinion')).toBe(t('known.sealed'))
    await show(() => Promise.resolve({ ...KNOWN, hand: null }), false)
    expect(said('displayName')).toBe(KNOWN.displayName)
    expect(said('hand')).toBe(t('known.nothing'))
  })

  it('says so when the server does not answer', async () => {
    await show(() => Promise.resolve(null))
    expect(root.querySelector('[role=alert]')?.textContent).toBe(t('known.silent'))
  })
})

const MEMBER = { memberKey: 'a', admission: 'b', keyPackage: null, firstEpoch: 2, readyEpoch: 5, messagesLeft: 100, kibibytesLeft: 1024 }

function said(field: string): string | undefined {
  return root.querySelector(`[data-field=${field}] dd`)?.textContent
}

async function show(whatIsKnown: () => Promise<Known | null>, encrypted = true): Promise<void> {
  const call: Call = { ...fakeCall(INITIAL_MODEL.view, encrypted), whatIsKnown }
  await act(async () => {
    render(null, root)
    render(<WhatIsKnown call={call} close={() => undefined} />, root)
    await Promise.resolve()
  })
}

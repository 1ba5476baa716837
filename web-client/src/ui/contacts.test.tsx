// @vitest-environment happy-dom
import { render } from 'preact'
import { act } from 'preact/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Failure } from './failure'

const CONTACTS = { controller: 'Collège des Tilleuls', dpo: 'dpd@tilleuls.example', support: '+33 3 00 00 00 00' }

const root = document.createElement('div')

afterEach(async () => {
  await act(() => {
    render(null, root)
  })
  vi.unstubAllGlobals()
})

describe('contacts', () => {
  it('r35_an_error_page_and_its_foot_name_the_establishments_own_contacts_and_nobody_else', async () => {
    let answer: unknown = null
    const asked = vi.fn(() => (answer === null ? Promise.reject(new Error('away')) : Promise.resolve(Response.json(answer))))
    vi.stubGlobal('fetch', asked)
    const show = async (): Promise<string> => {
      await act(() => {
        render(null, root)
        render(<Failure problem="server_unreachable" retry={null} />, root)
      })
      await act(async () => {
        await vi.waitFor(() => {
          expect(asked).toHaveBeenCalled()
        })
      })
      return root.textContent
    }
    expect(await show()).not.toContain('dpd@')
    answer = { contacts: CONTACTS, trial: false }
    await show()
    await vi.waitFor(() => {
      expect(find('failure-contacts')).toContain(CONTACTS.support)
    })
    expect(find('contacts')).toContain(CONTACTS.controller)
    expect(root.querySelector('a[href="mailto:dpd@tilleuls.example"]')?.textContent).toBe(CONTACTS.dpo)
    expect(root.querySelector('[data-testid=trial]')).toBeNull()
    // Known for the life of the page, so that it outlives the server.
    const times = asked.mock.calls.length
    answer = null
    await show()
    expect(find('contacts')).toContain(CONTACTS.support)
    expect(asked.mock.calls.length).toBe(times)
    const addresses = [...root.querySelectorAll('a')].map((link) => link.getAttribute('href') ?? '')
    expect(addresses.filter((address) => !/^\/|^mailto:dpd@tilleuls/.test(address))).toEqual([])
  })
})

function find(testId: string): string {
  return root.querySelector(`[data-testid=${testId}]`)?.textContent ?? ''
}

// @vitest-environment happy-dom
import { render } from 'preact'
import { act } from 'preact/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Reaching } from '../call/reach'
import { language, t } from '../i18n'
import type { DoctorFinding } from '../protocol/generated'
import Doctor from './doctor'

const root = document.createElement('div')
const FINDINGS: DoctorFinding[] = [
  { check: 'folder', level: 'ok', text: 'Le dossier est bien.', cure: null },
  { check: 'port', level: 'fail', text: 'Le port est pris.', cure: 'Arrêtez l’autre.' },
]
const reaching: Reaching = {
  openSession: () => Promise.resolve({ roundTrip: 1, places: [{ address: '192.0.2.7', port: 8443 }] }),
  tryMedia: (way) => (way === 'udp' ? Promise.resolve({ path: null, roundTrip: 4 }) : Promise.resolve(null)),
  end: () => undefined,
}

beforeEach(() => {
  language.value = 'fr'
})

afterEach(async () => {
  await act(() => {
    render(null, root)
  })
  vi.unstubAllGlobals()
})

describe('the administrator’s page', () => {
  it('shows what was found with its cure, and what this browser reaches', async () => {
    const asked = await show(Response.json({ findings: FINDINGS }))
    const [path, init] = asked.mock.calls.find(([path]) => path === '/api/doctor') ?? []
    expect([path, init?.headers]).toEqual(['/api/doctor', { authorization: 'Bearer a.b.c', 'accept-language': 'fr' }])
    await vi.waitFor(() => {
      expect(state('doctor-port')).toBe('failed')
    })
    expect(state('doctor-folder')).toBe('good')
    expect(root.querySelectorAll('[data-testid=doctor-cure]')).toHaveLength(1)
    expect(root.textContent).toContain('Arrêtez l’autre.')
    await vi.waitFor(() => {
      expect(state('doctor-way-udp')).toBe('good')
    })
    expect([state('doctor-way-tcp'), state('doctor-way-tls')]).toEqual(['skipped', 'skipped'])
  })

  it('says how to get another link when this one is no good', async () => {
    await show(Response.json({ code: 'not_allowed' }, { status: 401 }))
    await vi.waitFor(() => {
      expect(root.textContent).toContain(t('doctor.expiredHelp'))
    })
    expect(root.querySelector('[data-testid=doctor-way-udp]')).toBeNull()
    const asked = await show(Response.json({}), null)
    expect(root.textContent).toContain(t('doctor.expiredHelp'))
    expect(asked.mock.calls.map(([path]) => path)).not.toContain('/api/doctor')
  })
})

async function show(answer: Response, pass: string | null = 'a.b.c') {
  const asked = vi.fn((path: string, init?: RequestInit) => (init === undefined ? Promise.reject(new Error(path)) : Promise.resolve(answer.clone())))
  vi.stubGlobal('fetch', asked)
  await act(() => {
    render(null, root)
    render(<Doctor pass={pass} makeReaching={() => reaching} />, root)
  })
  return asked
}

function state(testId: string): string | undefined {
  return root.querySelector<HTMLElement>(`[data-testid=${testId}]`)?.dataset['state']
}

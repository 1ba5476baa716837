// @vitest-environment happy-dom
import { render } from 'preact'
import { act } from 'preact/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { language, t } from '../../i18n'
import { toBase64Url } from '../../link'
import Recordings from './recordings'

const ID = toBase64Url(new Uint8Array(16).fill(3))
const SECRET = toBase64Url(new Uint8Array(16).fill(5))
const MODERATOR = `/recordings#v1m.${ID}.${SECRET}`
const GRANT = `/recordings#v1g.${ID}.${SECRET}.${toBase64Url(new Uint8Array(32).fill(7))}`
const ENTRY = {
  id: ID,
  startedAt: 1_800_000_000,
  endedAt: 1_800_003_725,
  deleteAt: 1_802_592_000,
  bytes: 12_345_678,
  state: 'kept',
  grants: [
    { id: 'AAAAAAAAAAA', createdAt: 1_800_010_000, revokedAt: null },
    { id: 'BBBBBBBBBBA', createdAt: 1_800_010_000, revokedAt: 1_800_020_000 },
  ],
  accesses: [
    { at: 1_800_030_000, by: 'moderator' },
    { at: 1_800_040_000, by: 'AAAAAAAAAAA' },
  ],
}
const RECEIPT = { recording: ID, what: 'deadline', at: 1_800_000_000, signature: 'AAAA' }

let root: HTMLElement
let asked: { method: string; path: string; headers: Record<string, string>; body: unknown }[]

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
  vi.unstubAllGlobals()
})

describe('the recordings of a room', () => {
  it('r23_are_listed_with_how_long_they_stay_who_looked_and_who_may', async () => {
    await page(MODERATOR, { recordings: [ENTRY], receipts: [RECEIPT], signingKey: SECRET })
    const text = root.textContent.replaceAll(/\s/g, ' ')
    for (const part of ['1:02:05', '12 Mo', 'effacé le', '2 consultations', 'avec le lien d’animation', 'avec un lien donné', 'Lien retiré']) {
      expect(text).toContain(part)
    }
    expect(all('recording-revoke')).toHaveLength(1)
    // Not signed by this server.
    expect(text).toContain(t('recordings.receiptDoubtful'))
  })

  it('show the server a proof in the header and nothing in the address', async () => {
    await page(MODERATOR, { recordings: [], receipts: [], signingKey: SECRET })
    expect(all('recordings-empty')).toHaveLength(1)
    expect(asked[0]).toMatchObject({ path: '/api/recordings', headers: { 'preau-room': ID } })
    expect(JSON.stringify(asked)).not.toContain(SECRET)
  })

  it('are erased, and their links ended, only after a question', async () => {
    await page(MODERATOR, { recordings: [ENTRY], receipts: [], signingKey: SECRET })
    await click('recording-erase')
    await click('recording-revoke')
    expect(asked.every(({ method }) => method === 'GET')).toBe(true)
    await click('recording-revoke-confirm')
    await settled(() => asked.some(({ method, path }) => method === 'DELETE' && path.endsWith('/grants/AAAAAAAAAAA')))
    await click('recording-erase')
    await click('recording-erase-confirm')
    await settled(() => asked.some(({ method, path }) => method === 'POST' && path.endsWith('/erase')))
  })

  it('are granted by a link with a secret the server never sees', async () => {
    await page(MODERATOR, { recordings: [ENTRY], receipts: [], signingKey: SECRET })
    await click('recording-grant')
    await click('grant-make')
    await settled(() => all('grant-link').length > 0)
    const link = (all('grant-link')[0] as HTMLInputElement).value
    const [, recording, secret = '', key = ''] = link.slice(link.indexOf('#')).split('.')
    expect(recording).toBe(ID)
    const said = asked.find(({ path }) => path.endsWith('/grants'))
    expect(said?.body).toEqual({ verifier: expect.stringMatching(/^[\w-]{43}$/) as unknown })
    for (const hidden of [secret, key, SECRET]) expect(JSON.stringify(asked)).not.toContain(hidden)
  })

  it('are refused in words when the link is not good', async () => {
    await page(MODERATOR, null)
    await settled(() => root.textContent.includes(t('recordings.fault.refused')))
    await page('/recordings#v1m.cut', null)
    expect(root.textContent).toContain(t('error.link_incomplete.title'))
  })
})

it('r20_a_link_of_ones_own_shows_one_recording_and_changes_nothing', async () => {
  await page(GRANT, {})
  expect(all('recording-play')).toHaveLength(1)
  for (const control of ['recording', 'recording-erase', 'recording-erase-person', 'recording-grant', 'recording-export']) {
    expect(all(control), control).toHaveLength(0)
  }
  // Looking is noted, so nothing is asked before it is wanted.
  expect(asked).toEqual([])
})

async function page(address: string, list: object | null): Promise<void> {
  asked = []
  vi.stubGlobal('fetch', (path: string, { method = 'GET', headers = {}, body }: RequestInit) => {
    asked.push({ method, path, headers: headers as Record<string, string>, body: typeof body === 'string' ? JSON.parse(body) : null })
    return Promise.resolve(list === null ? new Response('{}', { status: 403 }) : new Response(JSON.stringify(list)))
  })
  await act(() => {
    render(null, root)
  })
  history.replaceState(null, '', address)
  await act(() => {
    render(<Recordings />, root)
  })
  await settled(() => root.querySelector('.loading') === null)
}

/** Keys are derived in between. */
async function settled(isThere: () => boolean): Promise<void> {
  await vi.waitFor(() => {
    if (!isThere()) throw new Error(`not yet: ${root.textContent}`)
  })
}

function all(testId: string): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>(`[data-testid=${testId}]`)]
}

async function click(testId: string): Promise<void> {
  await act(() => {
    all(testId)[0]?.click()
  })
}

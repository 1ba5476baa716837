import { beforeEach, describe, expect, it, vi } from 'vitest'
import { forgetSession, recallSession, rememberSession } from './resume'

describe('a remembered session', () => {
  beforeEach(() => {
    const history = {
      state: null as unknown,
      replaceState(state: unknown): void {
        this.state = structuredClone(state)
      },
    }
    vi.stubGlobal('history', history)
    return () => vi.unstubAllGlobals()
  })

  it('is fresh for thirty seconds after the page was left', () => {
    rememberSession('room', 'token', 1_000)
    expect(recallSession('room', 30_999)).toEqual({ token: 'token', fresh: true, saving: false, encrypted: null })
    expect(recallSession('room', 31_000)).toEqual({ token: 'token', fresh: false, saving: false, encrypted: null })
  })

  it('is not fresh in a copy of a tab that is still open', () => {
    rememberSession('room', 'token', null)
    expect(recallSession('room', 1_000)).toEqual({ token: 'token', fresh: false, saving: false, encrypted: null })
  })

  it('keeps that the person asked to receive little', () => {
    rememberSession('room', 'token', null, true)
    expect(recallSession('room', 1_000)?.saving).toBe(true)
  })

  it('keeps who the page was in an encrypted room, also while it goes away', () => {
    const encrypted = { identity: { seed: 's', participant: 'p', admission: null, generation: 0 }, name: 'Zoé', proofs: null }
    rememberSession('room', 'token', null, false, encrypted)
    expect(recallSession('room', 1_000)?.encrypted).toEqual(encrypted)
  })

  it('is of one room only', () => {
    rememberSession('room', 'token', 1_000)
    expect(recallSession('other', 1_001)).toBeNull()
  })

  it('can be forgotten, and leaves other states alone', () => {
    rememberSession('room', 'token', 1_000)
    forgetSession()
    expect(history.state).toBeNull()
    history.replaceState('something else', '')
    forgetSession()
    expect(history.state).toBe('something else')
    expect(recallSession('room', 0)).toBeNull()
  })
})

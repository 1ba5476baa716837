import { describe, expect, it } from 'vitest'
import { type KeyPress, SHORTCUTS, shortcutOf } from './shortcuts'

const M: KeyPress = {
  altKey: true,
  shiftKey: true,
  ctrlKey: false,
  metaKey: false,
  repeat: false,
  key: 'M',
  code: 'KeyM',
}

describe('shortcuts', () => {
  it('are found by the letter on the key, wherever it is', () => {
    expect(shortcutOf(M)).toBe('microphone')
    expect(shortcutOf({ ...M, key: 'm' })).toBe('microphone')
    // A French keyboard has its M elsewhere, and its Q where others have their A.
    expect(shortcutOf({ ...M, code: 'Semicolon' })).toBe('microphone')
    expect(shortcutOf({ ...M, key: 'Q', code: 'KeyA' })).toBe('leave')
    expect(shortcutOf({ ...M, key: 'ArrowRight', code: 'ArrowRight' })).toBe('pageNext')
  })

  it('are found by the place of the key where Option makes another character of it', () => {
    expect(shortcutOf({ ...M, key: 'Ò' })).toBe('microphone')
  })

  it.each([
    [{ altKey: false }],
    [{ shiftKey: false }],
    [{ ctrlKey: true }],
    [{ metaKey: true }],
    [{ repeat: true }],
    [{ key: 'F5', code: 'F5' }],
    [{ key: 'Dead', code: 'KeyM' }],
  ])('are nothing else: %j', (other) => {
    expect(shortcutOf({ ...M, ...other })).toBeNull()
  })

  it('are different, and leave to browsers what is theirs', () => {
    const keys = Object.values(SHORTCUTS)
    expect(new Set(keys).size).toBe(keys.length)
    // Alt+Shift with these: bars, dialogs, feedback and groups of tabs in Chromium and Edge.
    for (const taken of ['A', 'B', 'C', 'I', 'N', 'P', 'T', 'W', 'X', 'Z']) expect(keys).not.toContain(taken)
  })
})

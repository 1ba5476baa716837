// Keys that do what a click does. All with two modifiers, so that no screen reader, dictation or
// typing meets them, and none that Firefox, Chromium or Edge document for themselves. Pure.

/** What a key press can do, in the order in which the list shows it. */
export const SHORTCUTS = {
  microphone: 'M',
  camera: 'V',
  hand: 'H',
  chat: 'D',
  people: 'L',
  layout: 'G',
  pageNext: 'ArrowRight',
  pagePrevious: 'ArrowLeft',
  leave: 'Q',
} as const

/** Name of one shortcut. */
export type ShortcutName = keyof typeof SHORTCUTS

/** What counts of a key press. */
export type KeyPress = Pick<KeyboardEvent, 'altKey' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'repeat' | 'key' | 'code'>

/** What a key press asks for; `null` for all others. */
export function shortcutOf(press: KeyPress): ShortcutName | null {
  if (!press.altKey || !press.shiftKey || press.ctrlKey || press.metaKey || press.repeat) return null
  const key = keyOf(press)
  for (const name of Object.keys(SHORTCUTS) as ShortcutName[]) if (SHORTCUTS[name] === key) return name
  return null
}

/** The letter that is written on the key. With Option a Mac types another character: there the place
 * of the key has to do. */
function keyOf({ key, code }: KeyPress): string {
  if (/^[a-z]$/i.test(key)) return key.toUpperCase()
  return /^Key[A-Z]$/.test(code) && key.length === 1 ? code.slice(3) : key
}

// Which texts come with the page itself: those of the screens before a call. The rest is fetched with what
// shows it (`loadTexts`).

/** Beginnings of their keys. */
const FIRST = [
  'app.',
  'check.',
  'common.',
  'copy.',
  'e2ee.choice.',
  'e2ee.help.open',
  'error.browser_unsupported.',
  'error.insecure_context.',
  'error.link_incomplete.',
  'error.server_unreachable.',
  'failure.',
  'footer.',
  'home.',
  'language.',
  'left.',
  'made.',
  'notice.',
  'prejoin.',
  'profile.',
  'rooms.open',
  'rooms.title',
  'saving.',
  'test.open',
  'unknown.',
  'waiting.',
] as const

/** Whether a text comes with the page itself. */
export function isFirst(key: string): boolean {
  return FIRST.some((beginning) => key.startsWith(beginning))
}

// Reads the address, starts the app. `/src/main.tsx` is the one script of index.html.

import { render } from 'preact'
import { openCall } from './call/open'
import { startLanguage } from './i18n'
import type { Page } from './page'
import { App } from './ui/app'

/** Which page the address means. Opening a call only reads the link; nothing is sent. */
function readAddress(): Page {
  const path = location.pathname
  if (path === '/') return { name: 'home' }
  if (path === '/rooms') return { name: 'rooms' }
  if (path === '/recordings') return { name: 'recordings' }
  if (path === '/chiffrement') return { name: 'limits' }
  if (path === '/test') return { name: 'test' }
  if (path === '/doctor') return { name: 'doctor', pass: /^#v1d\.([\w-]+\.[\w-]+\.[\w-]+)$/.exec(location.hash)?.[1] ?? null }
  if (path.startsWith('/r/')) return { name: 'room', call: openCall(path, location.hash) }
  return { name: 'unknown' }
}

// Another fragment is another link: start afresh rather than go on with the old secret.
addEventListener('hashchange', () => {
  location.reload()
})

const root = document.getElementById('app')
if (root !== null) {
  void startLanguage().then(() => {
    render(<App page={readAddress()} />, root)
  })
}

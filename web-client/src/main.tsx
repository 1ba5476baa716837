// Reads the address, starts the app. `/src/main.tsx` is the one script of index.html.

import { render } from 'preact'
import { problemOfBrowser } from './call/browser'
import { openEarly } from './call/early'
import { loadTexts, startLanguage } from './i18n'
import { parseLink } from './link'
import type { Page } from './page'
import { App } from './ui/app'

/** Which page the address means. Nothing is sent. */
function readAddress(): Page {
  const path = location.pathname
  if (path === '/') return { name: 'home' }
  if (path === '/rooms') return { name: 'rooms' }
  if (path === '/recordings') return { name: 'recordings' }
  if (path === '/chiffrement') return { name: 'limits' }
  if (path === '/test') return { name: 'test' }
  if (path === '/doctor') return { name: 'doctor', pass: /^#v1d\.([\w-]+\.[\w-]+\.[\w-]+)$/.exec(location.hash)?.[1] ?? null }
  if (path.startsWith('/r/')) return readRoom(path)
  return { name: 'unknown' }
}

function readRoom(path: string): Page {
  const link = parseLink(path, location.hash)
  if (link === null) return { name: 'refused', problem: 'link_incomplete' }
  const problem = problemOfBrowser()
  return problem === null ? { name: 'room', link, call: openEarly(link, fetchOpen) } : { name: 'refused', problem }
}

/** The call, and the words for all that can come of it. */
async function fetchOpen() {
  const [open] = await Promise.all([import('./call/open'), loadTexts()])
  return open
}

// Another fragment is another link: start afresh rather than go on with the old secret.
addEventListener('hashchange', () => {
  location.reload()
})

const root = document.getElementById('app')
if (root !== null) {
  const started = startLanguage()
  const page = readAddress()
  void started.then(() => {
    render(<App page={page} />, root)
  })
}

// Chooses the screen for the page and the state.

import { useEffect } from 'preact/hooks'
import type { Call } from '../call/store'
import { followLanguage } from '../i18n'
import type { Page } from '../page'
import { Failure, Unknown } from './failure'
import { Home } from './home'
import { lazy } from './lazy'
import { Left } from './left'
import { Prejoin } from './prejoin'
import { WaitingRoom } from './waiting-room'
import '../styles/tokens.css'
import '../styles/base.css'
import '../styles/parts.css'
import '../styles/screens.css'

/** The screen of a page. */
export function App({ page }: { page: Page }) {
  useEffect(() => followLanguage(document.documentElement), [])
  switch (page.name) {
    case 'home':
      return <Home />
    case 'room':
      return <Room call={page.call} />
    case 'rooms':
      return <Rooms.Part />
    case 'recordings':
      return <Recordings.Part />
    case 'test':
      return <ConnectionTest.Part />
    case 'doctor':
      return <Doctor.Part pass={page.pass} />
    case 'limits':
      return <Limits.Part />
    case 'unknown':
      return <Unknown />
  }
}

const Stage = lazy(() => import('./stage/stage'))
const ConnectionTest = lazy(() => import('./connection-test'))
const Doctor = lazy(() => import('./doctor'))
const Limits = lazy(() => import('./e2ee/limits'))
const Rooms = lazy(() => import('./rooms'))
const Recordings = lazy(() => import('./recordings/recordings'))

function Room({ call }: { call: Call }) {
  const { phase } = call.state.value
  switch (phase.name) {
    case 'prejoin':
    case 'joining':
      return <Prejoin call={call} preloadStage={Stage.preload} />
    case 'waiting':
      return <WaitingRoom call={call} />
    case 'in_call':
      return <Stage.Part call={call} />
    case 'left':
      return <Left reason={phase.reason} note={phase.note} />
    case 'failed':
      return (
        <Failure
          problem={phase.problem}
          retry={
            phase.retry
              ? () => {
                  call.retry()
                }
              : null
          }
        />
      )
  }
}

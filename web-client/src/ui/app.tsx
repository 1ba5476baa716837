// Chooses the screen for the page and the state.

import type { ReadonlySignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { EarlyCall } from '../call/early'
import type { Call } from '../call/store'
import { followLanguage } from '../i18n'
import type { Page, RoomLink } from '../page'
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
      return <Room link={page.link} now={page.call} />
    case 'refused':
      return <Failure problem={page.problem} retry={null} />
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

function Room({ link, now }: { link: RoomLink; now: ReadonlySignal<Call | EarlyCall> }) {
  const call = now.value
  const { phase } = call.state.value
  // Only a call that is there gets beyond the page before joining.
  const whole = call instanceof EarlyCall ? null : call
  switch (phase.name) {
    case 'prejoin':
    case 'joining':
      return <Prejoin link={link} call={call} preloadStage={Stage.preload} />
    case 'waiting':
      return whole && <WaitingRoom call={whole} />
    case 'in_call':
      return whole && <Stage.Part call={whole} />
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

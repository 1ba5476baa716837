import type { Call } from '../../call/store'
import { lazy } from '../lazy'
import { Eject } from './eject'
import { Intrusion } from './intrusion'
import type { Moderation } from './moderation'

/** The question that is open, if any. */
export function ModeratorDialogs({ call, moderation }: { call: Call; moderation: Moderation }) {
  const dialog = moderation.dialog.value
  const close = () => {
    moderation.dialog.value = null
  }
  switch (dialog?.name) {
    case 'eject':
      return <Eject call={call} moderation={moderation} participant={dialog.participant} close={close} />
    case 'incident':
      return <Incident.Part call={call} about={dialog.about} close={close} />
    case 'intrusion':
      return <Intrusion call={call} moderation={moderation} close={close} />
    case undefined:
      return null
  }
}

const Incident = lazy(() => import('./incident'))

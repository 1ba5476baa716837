import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { SidePanel } from '../stage/side-panel'
import { Groups } from './groups'
import { Polls } from './polls'
import { TimerTools } from './timer'
import { AnnounceTool } from './told'

/** The tools of whoever leads; for everybody else, the question. */
export function ClassPanel({ call, close }: { call: Call; close: () => void }) {
  const { role, life } = call.state.value
  const moderator = role === 'moderator'
  const empty = !moderator && life.poll === null && life.result === null
  return (
    <SidePanel title={t(moderator ? 'class.tools' : 'poll.title')} close={close}>
      <div class="tools">
        {moderator && <TimerTools call={call} />}
        {moderator && <Groups call={call} />}
        <Polls call={call} />
        {empty && <p class="help">{t('poll.none')}</p>}
        {moderator && <AnnounceTool call={call} />}
      </div>
    </SidePanel>
  )
}

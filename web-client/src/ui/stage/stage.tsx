// The room: tiles or a shared screen, the controls, and what opens beside them.

import { type Signal, useSignal } from '@preact/signals'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Glyph } from '../brand'
import { Icon } from '../icons'
import { LanguageSwitch } from '../language-switch'
import { Notices } from '../problem'
import { Heading, SkipToContent, useDocumentTitle } from '../screen'
import { Announcer } from './announcer'
import { CameraPreview } from './camera-preview'
import { ConnectionState } from './connection-state'
import { Controls } from './controls'
import { Invite } from './invite'
import { Lobby } from './lobby'
import { People } from './people'
import { Pictures } from './pictures'
import { ScreenReminder, SharingBar } from './screen-share'
import type { PanelName } from './side-panel'
import '../../styles/stage.css'
import '../../styles/stage-parts.css'
import '../../styles/menu.css'

/** The screen of a call. */
export default function Stage({ call }: { call: Call }) {
  const panel = useSignal<PanelName | null>(null)
  const renaming = useSignal(false)
  const inviting = useSignal(false)
  const reminding = useSignal(false)
  const moderator = call.state.value.role === 'moderator'
  useDocumentTitle(t('call.title'))
  return (
    <div class="stage" data-panel={panel.value === null ? 'closed' : 'open'}>
      <SkipToContent />
      <header class="stage-bar">
        <Glyph />
        <Heading>{t('call.title')}</Heading>
        <ConnectionState call={call} />
        <LanguageSwitch />
      </header>
      <SharingBar call={call} />
      <main id="content" class="stage-main" tabIndex={-1}>
        <Pictures
          call={call}
          rename={() => {
            panel.value = 'people'
            renaming.value = true
          }}
          invite={
            moderator
              ? () => {
                  inviting.value = true
                }
              : null
          }
        />
        <div class="over">
          <Lobby call={call} />
          <SoundBlocked call={call} />
          <Notices call={call} />
        </div>
      </main>
      <Panel call={call} panel={panel} renaming={renaming} />
      <Controls
        call={call}
        panel={panel}
        reminding={reminding}
        more={[
          ...(moderator
            ? [
                {
                  testId: 'invite',
                  icon: 'invite' as const,
                  label: t('call.invite'),
                  act: () => {
                    inviting.value = true
                  },
                },
              ]
            : []),
        ]}
      />
      <CameraPreview call={call} />
      <ScreenReminder call={call} reminding={reminding} />
      {inviting.value && (
        <Invite
          call={call}
          close={() => {
            inviting.value = false
          }}
        />
      )}
      <Announcer call={call} />
    </div>
  )
}

/** The panel that is open. */
function Panel({ call, panel, renaming }: { call: Call; panel: Signal<PanelName | null>; renaming: Signal<boolean> }) {
  const close = () => {
    panel.value = null
  }
  switch (panel.value) {
    case 'people':
      return <People call={call} renaming={renaming} close={close} />
    default:
      return null
  }
}

function SoundBlocked({ call }: { call: Call }) {
  return (
    <div role="status">
      {call.soundBlocked.value && (
        <div class="problem problem-waiting">
          <Icon name="sound" />
          <p class="problem-text">{t('call.soundBlocked')}</p>
          <button type="button" class="button button-secondary">
            {t('call.soundAllow')}
          </button>
        </div>
      )}
    </div>
  )
}

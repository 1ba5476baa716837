// The room: tiles or a shared screen, the controls, and what opens beside them.

import { type Signal, useSignal } from '@preact/signals'
import { useCallback, useMemo, useRef } from 'preact/hooks'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Glyph } from '../brand'
import { CareNotices } from '../care/care-notices'
import { DevicePanel } from '../care/device-panel'
import { ConsentBanner } from '../consent/consent-banner'
import { recordingEntries } from '../consent/menu'
import { RecordingEnded } from '../consent/recording-ended'
import { RecordingStrip } from '../consent/recording-strip'
import { Chat } from '../class/chat'
import { ClassPanel } from '../class/class-panel'
import { LifeAnnouncer } from '../class/life-announcer'
import { lifeEntries } from '../class/menu'
import { ShownReactions } from '../class/reactions'
import { ClassStrip } from '../class/strip'
import { Announcement, HelpCalls } from '../class/told'
import { type ClassUi, useClassUi } from '../class/ui'
import { EncryptionMark } from '../e2ee/mark'
import { Icon } from '../icons'
import { useKeptFocus } from '../kept-focus'
import { languageEntry, LanguageSwitch } from '../language-switch'
import { lazy } from '../lazy'
import { Heading, SkipTo, SkipToContent, useDocumentTitle } from '../screen'
import { CameraPreview } from './camera-preview'
import { ConnectionState } from './connection-state'
import { Controls } from './controls'
import { Guard } from './guard'
import { HostWatch } from './host-watch'
import { Invite } from './invite'
import { Lobby } from './lobby'
import { type Moderation, useModeration } from './moderation'
import { ModeratorDialogs } from './moderator-dialogs'
import { StageNotices } from './notices'
import { People } from './people'
import { Pictures } from './pictures'
import { RestartNotice } from './restart-notice'
import { RoomRulesPanel } from './room-rules'
import { ScreenReminder, SharingBar } from './screen-share'
import type { PanelName } from './side-panel'
import { StageKeys, useStageKeys } from './stage-keys'
import { makeView, usePart, type View } from './view'
import '../../styles/stage.css'
import '../../styles/stage-parts.css'
import '../../styles/tiles.css'
import '../../styles/menu.css'
import '../../styles/layouts.css'
import '../../styles/class.css'
import '../../styles/reactions.css'
import '../../styles/chat.css'
import '../../styles/class-panel.css'
import '../../styles/moderation.css'
import '../../styles/recording.css'

/** The screen of a call. */
export default function Stage({ call }: { call: Call }) {
  const panel = useSignal<PanelName | null>(null)
  const ui = useClassUi(call, panel)
  const renaming = useSignal(false)
  const inviting = useSignal(false)
  const reminding = useSignal(false)
  const moderation = useModeration()
  const view = useMemo(makeView, [])
  const keys = useStageKeys(call, view, panel)
  const knowing = useSignal(false)
  const rename = useCallback(() => {
    panel.value = 'people'
    renaming.value = true
  }, [])
  const invite = useCallback(() => {
    inviting.value = true
  }, [])
  const moderator = usePart(call, ({ role }) => role === 'moderator')
  const devices = useSignal(false)
  const starting = useSignal(false)
  const reviewing = useSignal(false)
  const place = useRef<HTMLDivElement>(null)
  useKeptFocus(place)
  useDocumentTitle(t('call.title'))
  return (
    <div ref={place} class="stage" data-panel={panel.value === null ? 'closed' : 'open'}>
      <SkipToContent />
      <SkipTo id="controls" label={t('call.skipToControls')} />
      <header class="stage-header">
        <div class="stage-bar">
          <Glyph />
          <Heading>{t('call.title')}</Heading>
          <EncryptionMark call={call} />
          <ConnectionState call={call} />
          {moderator && <Guard call={call} moderation={moderation} />}
          <LanguageSwitch />
        </div>
        <div class="strips">
          <RestartNotice call={call} />
          <SharingBar call={call} />
          <RecordingStrip
            call={call}
            review={() => {
              reviewing.value = true
            }}
          />
          <ClassStrip call={call} ui={ui} />
        </div>
      </header>
      <main id="content" class="stage-main" tabIndex={-1}>
        <Pictures
          call={call}
          view={view}
          rename={rename}
          invite={moderator ? invite : null}
        />
        <ShownReactions call={call} />
        <div class="over">
          <RecordingEnded call={call} />
          <ConsentBanner
            call={call}
            again={reviewing.value}
            answered={() => {
              reviewing.value = false
            }}
            rename={rename}
          />
          <Announcement call={call} />
          <HelpCalls call={call} />
          <HostWatch call={call} />
          <SoundBlocked call={call} />
          <CareNotices call={call} devices={devices} />
          <StageNotices call={call} reminding={reminding} />
        </div>
        {moderator && <Lobby call={call} />}
      </main>
      <Panel call={call} ui={ui} view={view} moderation={moderation} renaming={renaming} />
      <Controls
        call={call}
        ui={ui}
        reminding={reminding}
        leaving={keys.leaving}
        view={view}
        more={() => [
          {
            testId: 'devices',
            icon: 'sliders' as const,
            label: t('care.title'),
            act: () => {
              devices.value = true
            },
          },
          ...(moderator ? [{ testId: 'invite', icon: 'invite' as const, label: t('call.invite'), act: invite }] : []),
          ...lifeEntries(call, ui),
          {
            testId: 'rules',
            icon: 'rules',
            label: t(moderator ? 'rules.title' : 'rules.mine'),
            act: () => {
              ui.panel.value = 'room'
            },
          },
          ...recordingEntries(call, starting),
          ...(moderator
            ? [
                {
                  testId: 'report-incident',
                  icon: 'alert' as const,
                  label: t('incident.open'),
                  act: () => {
                    moderation.dialog.value = { name: 'incident', about: null }
                  },
                },
              ]
            : []),
          {
            testId: 'what-server-knows',
            icon: 'eye' as const,
            label: t('known.title'),
            act: () => {
              knowing.value = true
            },
          },
          keys.entry,
          languageEntry(),
        ]}
      />
      {starting.value && moderator && (
        <RecordDialog.Part
          call={call}
          close={() => {
            starting.value = false
          }}
        />
      )}
      <CameraPreview call={call} />
      <DevicePanel call={call} open={devices} />
      <ScreenReminder call={call} reminding={reminding} />
      {inviting.value && (
        <Invite
          call={call}
          close={() => {
            inviting.value = false
          }}
        />
      )}
      {moderator && <ModeratorDialogs call={call} moderation={moderation} />}
      {knowing.value && (
        <WhatIsKnown.Part
          call={call}
          close={() => {
            knowing.value = false
          }}
        />
      )}
      <StageKeys call={call} keys={keys} />
      <LifeAnnouncer call={call} ui={ui} putOut={moderation.putOut} />
    </div>
  )
}

const WhatIsKnown = lazy(() => import('./what-is-known'))
const RecordDialog = lazy(() => import('../consent/record-dialog'))

interface PanelProps {
  call: Call
  ui: ClassUi
  view: View
  moderation: Moderation
  renaming: Signal<boolean>
}

/** The panel that is open. */
function Panel({ call, ui, view, moderation, renaming }: PanelProps) {
  const close = () => {
    ui.panel.value = null
  }
  switch (ui.panel.value) {
    case 'chat':
      return <Chat call={call} ui={ui} close={close} />
    case 'class':
      return <ClassPanel call={call} close={close} />
    case 'people':
      return <People call={call} view={view} moderation={moderation} renaming={renaming} close={close} />
    case 'room':
      return <RoomRulesPanel call={call} close={close} />
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

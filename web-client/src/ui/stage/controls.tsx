// The bar of controls. Every device has its own switch, and only a click moves it.

import type { Signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import type { Call } from '../../call/store'
import type { DeviceState } from '../../call/state'
import { t, tn, type TextKey } from '../../i18n'
import { HandButton } from '../class/hands'
import { ReactionMenu } from '../class/reactions'
import type { ClassUi } from '../class/ui'
import { Icon, type IconName } from '../icons'
import { LayoutChoice } from './layout-choice'
import { leaveOrAsk } from './leave'
import { type MenuEntry, MoreMenu } from './more-menu'
import { canShareScreen } from './screen-share'
import type { PanelName } from './side-panel'
import { usePart, type View } from './view'

/** What the bar opens beside itself. */
export interface ControlsProps {
  call: Call
  ui: ClassUi
  reminding: Signal<boolean>
  /** Whether the question before leaving is open. */
  leaving: Signal<boolean>
  /** What the menu behind the bar offers. */
  more: () => readonly MenuEntry[]
  view: View
}

/** The bar at the bottom of the room. */
export function Controls({ call, ui, reminding, leaving, more, view }: ControlsProps) {
  const microphone = usePart(call, (state) => state.microphone)
  const camera = usePart(call, (state) => state.camera)
  const screen = usePart(call, (state) => state.screen)
  const present = usePart(call, ({ participants }) => participants.length)
  const moderator = usePart(call, ({ role }) => role === 'moderator')
  const rights = usePart(call, (state) => state.rights)
  const rules = usePart(call, (state) => state.rules)
  const { panel, unread } = ui
  const pictures = rules?.video !== false
  return (
    <nav id="controls" class="controls" aria-label={t('call.controls')} tabIndex={-1}>
      <Toggle
        testId="mic-toggle"
        name={t('call.microphone')}
        short={t('call.microphoneShort')}
        device={microphone}
        forbidden={rights?.microphone === false}
        icons={['microphone', 'microphoneOff']}
        states={['call.microphoneOn', 'call.microphoneOff', 'call.microphoneClosed']}
        toggle={() => {
          switchMicrophone(call)
        }}
      />
      {pictures && (
        <Toggle
          testId="camera-toggle"
          name={t('call.camera')}
          short={t('call.camera')}
          device={camera}
          forbidden={rights?.camera === false}
          icons={['camera', 'cameraOff']}
          states={['call.cameraOn', 'call.cameraOff', 'call.cameraClosed']}
          toggle={() => {
            switchCamera(call)
          }}
        />
      )}
      {pictures && canShareScreen() && (
        <Toggle
          testId="screen-toggle"
          name={t('call.screen')}
          short={t('call.screenShort')}
          device={screen}
          forbidden={rights?.screen === false}
          icons={['screenStop', 'screen']}
          states={['call.screenOn', 'call.screenOff', 'call.screenClosed']}
          toggle={() => {
            const { screen, rights } = call.state.value
            if (screen !== 'off') call.stopScreen()
            // Says why not.
            else if (rights?.screen === false) call.startScreen()
            else reminding.value = true
          }}
        />
      )}
      <HandButton call={call} />
      <ReactionMenu call={call} ui={ui} />
      <PanelSwitch panel={panel} name="chat" icon="chat" label={t('chat.title')}>
        {unread.value > 0 && (
          <span class="badge" data-testid="chat-unread">
            <span aria-hidden="true">{unread.value}</span>
            <span class="visually-hidden">{tn('chat.unread', unread.value)} </span>
          </span>
        )}
      </PanelSwitch>
      {moderator && <PanelSwitch panel={panel} name="class" icon="tools" label={t('class.short')} wide />}
      <PanelSwitch panel={panel} name="people" icon="people" label={t('call.people')}>
        <span class="badge" data-testid="participant-count">
          {present}
        </span>{' '}
      </PanelSwitch>
      <MoreMenu entries={more}>
        <LayoutChoice view={view} />
      </MoreMenu>
      <button
        type="button"
        class="control control-leave"
        data-testid="leave"
        onClick={() => {
          leaveOrAsk(call, leaving)
        }}
      >
        <span class="control-icon">
          <Icon name="leave" />
        </span>
        <span class="control-name">{t('call.leave')}</span>
      </button>
    </nav>
  )
}

/** A click on the switch of the microphone. */
export function switchMicrophone(call: Call): void {
  call.setMicrophone(call.state.value.microphone === 'off')
}

/** A click on the switch of the camera. */
export function switchCamera(call: Call): void {
  if (call.state.value.camera === 'off') call.openCameraPreview()
  else call.turnCameraOff()
}

/** A click on the button of a panel: opens it in place of another, or closes it. */
export function switchPanel(panel: Signal<PanelName | null>, name: PanelName): void {
  panel.value = panel.value === name ? null : name
}

/** What the button of a panel needs. */
interface PanelSwitchProps {
  panel: Signal<PanelName | null>
  name: PanelName
  icon: IconName
  label: string
  /** Stands in the bar only where there is room; elsewhere in the menu. */
  wide?: boolean
  /** A number at the icon, read before the label. */
  children?: ComponentChildren
}

/** The button of a panel. */
function PanelSwitch({ panel, name, icon, label, wide, children }: PanelSwitchProps) {
  return (
    <button
      type="button"
      class={wide === true ? 'control control-wide' : 'control'}
      data-testid={name}
      aria-expanded={panel.value === name}
      onClick={() => {
        switchPanel(panel, name)
      }}
    >
      <span class="control-icon">
        <Icon name={icon} />
        {children}
      </span>
      <span class="control-name">{label}</span>
    </button>
  )
}

/** What one switch needs. */
interface ToggleProps {
  testId: string
  name: string
  short: string
  device: DeviceState
  /** The rules do not let oneself: a click says so. */
  forbidden: boolean
  /** While on, while off. */
  icons: readonly [IconName, IconName]
  /** While on, while off, while the rules forbid it. */
  states: readonly [TextKey, TextKey, TextKey]
  toggle: () => void
}

/** Screen readers hear the name and "pressed"; eyes see icon, colour and a word. */
function Toggle({ testId, name, short, device, forbidden, icons, states, toggle }: ToggleProps) {
  const on = device === 'on'
  const waiting = device === 'opening'
  const unavailable = forbidden && device === 'off'
  const state = waiting ? 'call.opening' : states[unavailable ? 2 : on ? 0 : 1]
  return (
    <button
      type="button"
      class="control control-toggle"
      data-testid={testId}
      data-device={device}
      aria-label={name}
      aria-pressed={on}
      aria-busy={waiting}
      aria-disabled={unavailable}
      onClick={toggle}
    >
      <span class="control-icon">
        <Icon name={icons[on ? 0 : 1]} />
      </span>
      <span class="control-name" aria-hidden="true">
        {short}
        {/* Drawn by the style sheet: `aria-pressed` says it already, and the name is what one reads. */}
        <span class="control-state" data-state={t(state)} />
      </span>
    </button>
  )
}

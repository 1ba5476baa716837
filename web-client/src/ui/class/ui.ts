import { type ReadonlySignal, type Signal, useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { Call } from '../../call/store'
import type { ChatAudience } from '../../protocol/generated'
import type { PanelName } from '../stage/side-panel'
import { audienceAfter, type ChatReach, reachOf } from './audience'

/** What of class life is a matter of this page alone, for as long as it is in the room. */
export interface ClassUi {
  /** The panel that is open. */
  readonly panel: Signal<PanelName | null>
  /** Key of the last line that was on the screen. */
  readonly read: Signal<number>
  /** Lines of others that were not. */
  readonly unread: ReadonlySignal<number>
  /** What is typed and not sent yet: a panel that closes does not lose it. */
  readonly draft: Signal<string>
  readonly audience: Signal<ChatAudience>
  /** Whether the choice of gestures is open. */
  readonly reacting: Signal<boolean>
  /** What the person chose about sounds; `null` before they did. */
  readonly chosenSounds: Signal<boolean | null>
  /** Moderators hear a hand or an arrival; pupils only when they want to. */
  readonly sounds: ReadonlySignal<boolean>
}

/** Kept by the screen of the room. */
export function useClassUi(call: Call, panel: Signal<PanelName | null>): ClassUi {
  const read = useSignal(0)
  const chosenSounds = useSignal<boolean | null>(null)
  const draft = useSignal('')
  const audience = useSignal<ChatAudience>('everybody')
  const reach = useRef<ChatReach | null>(null)
  // Here, not in the panel: a draft outlives it.
  useSignalEffect(() => {
    const now = reachOf(call.state.value)
    audience.value = audienceAfter(audience.peek(), draft.peek() !== '', reach.current ?? now, now)
    reach.current = now
  })
  return {
    panel,
    read,
    unread: useComputed(() => call.state.value.life.chat.filter(({ key, isSelf }) => !isSelf && key > read.value).length),
    draft,
    audience,
    reacting: useSignal(false),
    chosenSounds,
    sounds: useComputed(() => chosenSounds.value ?? call.state.value.role === 'moderator'),
  }
}

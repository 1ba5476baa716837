// Whether the room is end-to-end encrypted, always in sight, and what that means behind one click.

import type { Signal } from '@preact/signals'
import { useSignal } from '@preact/signals'
import { useId, useRef } from 'preact/hooks'
import type { EncryptionState } from '../../call/encryption-state'
import type { Call } from '../../call/store'
import { inLanguage, t, tn } from '../../i18n'
import { Icon } from '../icons'
import { usePopover } from '../popover'
import '../../styles/encryption.css'

/** The lock in the bar above the pictures. */
export function EncryptionMark({ call }: { call: Call }) {
  const open = useSignal(false)
  const id = useId()
  const place = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  usePopover(open, place, button, '.lock-card')
  const encryption = call.encryption.value
  const state = encryption === null ? 'none' : encryption.differs ? 'differs' : encryption.progress
  const safe = state === 'ready'
  return (
    <div ref={place} class="lock-place">
      <button
        ref={button}
        type="button"
        class="lock-mark"
        data-testid={encryption === null ? 'e2ee-none' : 'e2ee-lock'}
        data-state={state}
        aria-expanded={open.value}
        aria-controls={open.value ? id : undefined}
        onClick={() => {
          open.value = !open.value
        }}
      >
        <Icon name={encryption === null ? 'unlocked' : safe ? 'lock' : 'alert'} />
        <span class="lock-word">{t(wordOf(state))}</span>
        {/* Whoever has the keys does not matter to a page that encrypts nothing any more. */}
        {encryption !== null && state !== 'stopped' && <Count call={call} encryption={encryption} />}
      </button>
      {open.value && (
        <div id={id} class="lock-card" role="group" aria-label={t('e2ee.card')}>
          {encryption === null ? <Unencrypted /> : <Encrypted encryption={encryption} />}
          <div class="lock-actions">
            <a class="button button-quiet" href={inLanguage('/chiffrement')} target="_blank" rel="noopener">
              <Icon name="help" />
              {t('e2ee.help.open')}
            </a>
            <Close open={open} button={button} />
          </div>
        </div>
      )}
    </div>
  )
}

function Count({ call, encryption }: { call: Call; encryption: EncryptionState }) {
  const present = call.state.value.participants.length
  const encrypted = encryption.members.size
  return (
    <span class="lock-count" role="status" data-testid="e2ee-count" data-present={present} data-encrypted={encrypted}>
      {`${tn('e2ee.present', present)} / ${tn('e2ee.encrypted', encrypted)}`}
    </span>
  )
}

function Encrypted({ encryption: { code, progress, differs } }: { encryption: EncryptionState }) {
  return (
    <>
      <p class="strong">{t(progress === 'ready' && !differs ? 'e2ee.card.title' : wordOf(differs ? 'differs' : progress))}</p>
      <p>{t(differs ? 'e2ee.card.differs' : CARDS[progress])}</p>
      {code !== null && (
        <div class="lock-code">
          <p class="help">{t('e2ee.code')}</p>
          <p data-testid="e2ee-code">
            <span lang="fr">{code.words.join(' ')}</span> <span>{`${code.digits.slice(0, 3)} ${code.digits.slice(3)}`}</span>
          </p>
          <p class="help">{t('e2ee.codeHelp')}</p>
        </div>
      )}
    </>
  )
}

function Unencrypted() {
  return (
    <>
      <p class="strong">{t('e2ee.noneAtAll')}</p>
      <p>{t('e2ee.card.none')}</p>
    </>
  )
}

function Close({ open, button }: { open: Signal<boolean>; button: { current: HTMLButtonElement | null } }) {
  return (
    <button
      type="button"
      class="button button-secondary"
      data-testid="e2ee-close"
      onClick={() => {
        open.value = false
        button.current?.focus()
      }}
    >
      {t('common.close')}
    </button>
  )
}

const CARDS = {
  ready: 'e2ee.card.text',
  joining: 'e2ee.card.joining',
  admission: 'e2ee.card.joining',
  broken: 'e2ee.card.broken',
  stopped: 'error.encryption_stopped.help',
} as const satisfies Record<EncryptionState['progress'], string>

function wordOf(state: 'none' | 'differs' | EncryptionState['progress']) {
  switch (state) {
    case 'none':
      return 'e2ee.none'
    case 'ready':
      return 'e2ee.lock'
    case 'differs':
      return 'e2ee.differs'
    case 'broken':
    case 'stopped':
      return 'e2ee.broken'
    case 'joining':
      return 'e2ee.joining'
    case 'admission':
      return 'e2ee.admission'
  }
}

// One link for each person of a list that never leaves this browser.

import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useId, useRef } from 'preact/hooks'
import type { HostTools, Pupil } from '../../call/host'
import type { Call } from '../../call/store'
import { t, tn } from '../../i18n'
import { MAX_PUPILS } from '../../kept-rooms'
import { CopyButton } from '../copy-button'
import { Icon } from '../icons'
import { type PastedNames, readNames } from '../names'
import { type PupilLine, PupilSheet } from '../pupil-sheet'

/** The list, and where names are added to it. */
export function PupilLinks({ call, host }: { call: Call; host: HostTools }) {
  const pupils = host.pupils.value
  const lines = linesOf(host)
  const asked = useSignal<string | null>(null)
  const failed = useSignal(false)
  const count = useRef<HTMLParagraphElement>(null)
  const known = useRef(pupils.length)
  useEffect(() => {
    // What had the focus is gone with what it did.
    if (pupils.length !== known.current) count.current?.focus()
    known.current = pupils.length
  }, [pupils.length])
  const present = new Set(call.state.value.participants.map(({ handle }) => handle))
  return (
    <>
      <p class="soft">{t('links.pupilsHelp')}</p>
      {pupils.length === 0 ? (
        <NamesForm host={host} />
      ) : (
        <>
          {!host.kept.value && <p class="aside">{t('links.notKept')}</p>}
          {host.keepFault.value !== null && (
            <p class="aside" role="alert" data-testid="pupils-not-kept">
              {t('links.changeNotKept')} {t(`keep.fault.${host.keepFault.value}`)}
            </p>
          )}
          <PupilSheet title={t('links.paperTitle')} lines={lines} />
          <p ref={count} class="help" tabIndex={-1}>
            {tn('links.present', pupils.filter(({ handle }) => present.has(handle)).length)}
          </p>
          {failed.value && (
            <p class="aside" role="alert">
              {t('links.notDone')}
            </p>
          )}
          <ul class="pupil-list" aria-label={t('links.pupils')}>
            {pupils.map((pupil) => (
              <PupilRow key={pupil.handle} host={host} pupil={pupil} present={present.has(pupil.handle)} asked={asked} failed={failed} />
            ))}
          </ul>
          <details class="pupil-more">
            <summary>{t('links.addMore')}</summary>
            <NamesForm host={host} />
          </details>
        </>
      )}
    </>
  )
}

/** Who has a link that can be given out. */
export function linesOf(host: HostTools): readonly PupilLine[] {
  return host.pupils.value.flatMap((pupil) => {
    const link = host.linkOf(pupil)
    return link === null ? [] : [{ name: pupil.name, link }]
  })
}

interface PupilRowProps {
  host: HostTools
  pupil: Pupil
  present: boolean
  /** Whose link one is about to end: one at a time. */
  asked: Signal<string | null>
  /** The dialog covers the page's own messages. */
  failed: Signal<boolean>
}

function PupilRow({ host, pupil, present, asked, failed }: PupilRowProps) {
  const link = host.linkOf(pupil)
  const { name, handle } = pupil
  const asking = asked.value === handle
  const revoke = useRef<HTMLButtonElement>(null)
  const cancel = useRef<HTMLButtonElement>(null)
  const before = useRef(asking)
  useEffect(() => {
    // One button takes the place of the other, under the same hand.
    if (asking) cancel.current?.focus()
    else if (before.current) revoke.current?.focus()
    before.current = asking
  }, [asking])
  return (
    <li class="pupil" data-testid="pupil" data-present={String(present)}>
      <span class="pupil-name">
        <bdi>{name}</bdi>
        {present && <span class="pupil-here">{t('links.here')}</span>}
      </span>
      {asking ? (
        <span class="pupil-ask" role="group" aria-label={t('links.revokeOf', { name })}>
          <button
            type="button"
            class="button button-danger"
            data-testid="pupil-revoke-confirm"
            onClick={() => {
              asked.value = null
              void host.revokePupil(pupil).then((done) => {
                failed.value = !done
              })
            }}
          >
            {t(present ? 'links.revokeHere' : 'links.revoke')}
          </button>
          <button
            ref={cancel}
            type="button"
            class="button button-secondary"
            onClick={() => {
              asked.value = null
            }}
          >
            {t('common.cancel')}
          </button>
        </span>
      ) : (
        <>
          {link !== null && (
            <CopyButton value={link} label={t('links.copyOf', { name })} done={t('links.copiedOf', { name })} testId="pupil-copy" compact />
          )}
          <button
            ref={revoke}
            type="button"
            class="button button-icon"
            data-testid="pupil-revoke"
            aria-label={t('links.revokeOf', { name })}
            onClick={() => {
              asked.value = handle
            }}
          >
            <Icon name="close" />
          </button>
        </>
      )}
    </li>
  )
}

function NamesForm({ host }: { host: HostTools }) {
  const id = useId()
  const text = useSignal('')
  const told = useSignal<string | null>(null)
  const busy = useSignal(false)
  const add = async () => {
    const pasted = readNames(text.value, host.room, new Set(host.pupils.value.map(({ name }) => name)))
    const fault = faultOf(pasted, host.pupils.value.length)
    told.value = fault
    if (fault !== null || busy.value) return
    busy.value = true
    const done = await host.addPupils(pasted.pupils)
    busy.value = false
    if (!done) told.value = t('links.notDone')
    else text.value = ''
  }
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault()
        void add()
      }}
    >
      <div class="form-line">
        <label for={id}>{t('links.names')}</label>
        <textarea
          id={id}
          class="field names-field"
          rows={6}
          autocomplete="off"
          spellcheck={false}
          data-testid="pupil-names"
          aria-describedby={`${id}-help`}
          value={text}
          onInput={(event) => {
            text.value = event.currentTarget.value
          }}
        />
        <p id={`${id}-help`} class="help">
          {t('links.namesHelp')}
        </p>
      </div>
      <button type="submit" class="button button-primary" data-testid="pupil-links-make" aria-disabled={busy.value}>
        <Icon name="check" />
        {t('links.make')}
      </button>
      {told.value !== null && (
        <p class="aside" role="alert" data-testid="pupil-names-fault">
          {told.value}
        </p>
      )}
    </form>
  )
}

/** Why nothing can be added; all of a list or nothing, so that nobody is missing unnoticed. */
function faultOf({ pupils, faults }: PastedNames, already: number): string | null {
  if (faults.length > 0) return t('links.badLines', { lines: faults.slice(0, 5).join(', ') })
  if (pupils.length === 0) return t('links.noNames')
  return already + pupils.length > MAX_PUPILS ? t('links.tooMany', { most: MAX_PUPILS }) : null
}

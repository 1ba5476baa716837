// Whom to ask: the establishment's own data-protection officer and support, nobody else.

import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { fetchServerInfo } from '../api'
import { t } from '../i18n'
import type { Contacts as Named, ServerInfo } from '../protocol/generated'

/** Asked once for each page, so that an error page still knows it when the server is gone. */
const info = signal<ServerInfo | null>(null)
let asked = false

/** Whom to ask, as far as the server has said. */
export function useContacts(): Named | null {
  useEffect(() => {
    if (asked) return
    asked = true
    void fetchServerInfo()
      .then((answer) => {
        info.value = answer
      })
      .catch(() => {
        asked = false
      })
  }, [])
  return info.value?.contacts ?? null
}

/** At the foot of every framed screen. */
export function FootContacts() {
  const contacts = useContacts()
  return (
    <>
      {info.value?.trial === true && (
        <p class="foot-trial" data-testid="trial">
          {t('footer.trial')}
        </p>
      )}
      {contacts !== null && (
        <p class="foot-contacts" data-testid="contacts">
          <span class="strong">{contacts.controller}</span>
          <span>
            {t('footer.dpo')} <Contact text={contacts.dpo} />
          </span>
          <span>
            {t('footer.support')} <Contact text={contacts.support} />
          </span>
        </p>
      )}
    </>
  )
}

/** Where something went wrong: the support first. */
export function FailureContacts() {
  const contacts = useContacts()
  if (contacts === null) return null
  return (
    <p data-testid="failure-contacts">
      {t('failure.contacts', { name: contacts.controller })} <Contact text={contacts.support} />
    </p>
  )
}

/** A link where it can be opened, otherwise the text. */
function Contact({ text }: { text: string }) {
  if (text.startsWith('https://')) return <a href={text}>{text}</a>
  return /^\S+@\S+$/.test(text) ? <a href={`mailto:${text}`}>{text}</a> : <span>{text}</span>
}

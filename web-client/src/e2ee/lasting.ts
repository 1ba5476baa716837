// What is said in one epoch and ordered by the server after the commit that begins the next one cannot be
// opened by those whom that commit added. What lasts is said to them again by whoever said it.

import type { ParticipantId } from './admission'
import type { CircleMessage } from './messages'

/** What this page said that lasts, and who came since. */
export class Lasting {
  /** Since which epoch, by its serial, those have been members who came while this page was one. */
  private readonly since = new Map<ParticipantId, number>()
  /** What this page said last, of each kind. */
  private readonly newest = new Map<string, CircleMessage>()

  /** An epoch began. */
  begin(serial: number, { added, removed }: { readonly added: readonly ParticipantId[]; readonly removed: readonly ParticipantId[] }): void {
    for (const one of removed) this.since.delete(one)
    for (const one of added) this.since.set(one, serial)
  }

  /** The circle is gone. */
  forget(): void {
    this.since.clear()
    this.newest.clear()
  }

  /** This page says something to everybody. */
  note(message: CircleMessage): void {
    const kind = kindOf(message)
    if (kind !== null) this.newest.set(kind, message)
  }

  /** What is to be said again to those who came since; `null` for what nobody misses later. A newer word
   * of the kind takes the place of an older one. */
  again(message: CircleMessage): CircleMessage | null {
    const kind = kindOf(message)
    return kind === null ? null : (this.newest.get(kind) ?? message)
  }

  /** Those who came after an epoch. */
  cameAfter(serial: number): ParticipantId[] {
    return [...this.since].filter(([, since]) => since > serial).map(([participant]) => participant)
  }
}

function kindOf(message: CircleMessage): string | null {
  switch (message.t) {
    case 'hello':
    case 'hand':
    case 'opinions':
    case 'policy':
    case 'link':
    case 'delegate':
      return message.t
    case 'lower_hands':
      return `${message.t} ${message.participant ?? ''}`
    default:
      return null
  }
}

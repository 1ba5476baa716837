import { t } from '../../i18n'
import { ArchiveError } from '../../recordings/archive'
import { DecodeError } from '../../recordings/decode'
import { JournalError } from '../../recordings/journal'
import { AlteredError } from '../../recordings/opened'
import { WebmError } from '../../recordings/webm'

/** Why a recording cannot be seen, and what to do. */
export function faultText(fault: unknown): string {
  if (fault instanceof ArchiveError) return t(`recordings.fault.${fault.fault}`)
  if (fault instanceof JournalError) return t(`recordings.fault.${fault.fault}`)
  // What does not open, or is no WebM of ours once opened, is not what was written.
  if (fault instanceof AlteredError || fault instanceof WebmError) return t('recordings.fault.altered')
  if (fault instanceof DecodeError) return t('recordings.fault.undecodable')
  return t('recordings.fault.unexpected')
}

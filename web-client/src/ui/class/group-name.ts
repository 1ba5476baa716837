import { t } from '../../i18n'

/** What people call a group: numbered from 1, or the whole class. */
export function groupName(group: number | null): string {
  return group === null ? t('group.whole') : t('group.name', { number: group + 1 })
}

import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { InputChoice } from './input-choice'
import { OwnPicture } from './own-picture'
import { SoundChoice } from './sound-choice'

/** What the check before joining opened, and what may be settled about it. */
export default function CheckedDevices({ call }: { call: Call }) {
  const { care } = call
  const check = call.deviceCheck.value
  if (check === null) return null
  return (
    <>
      {check.hasCamera || check.opening ? (
        <OwnPicture call={call} mirrored testId="check-video" />
      ) : (
        <p class="aside">{t('check.noCamera')}</p>
      )}
      <InputChoice care={care} kind="camera" />
      {check.hasMicrophone || check.opening ? (
        <SoundChoice care={care} open />
      ) : (
        <p class="aside">{t('check.noMicrophone')}</p>
      )}
    </>
  )
}

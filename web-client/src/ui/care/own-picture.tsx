import type { ComponentChildren } from 'preact'
import type { Call } from '../../call/store'
import { t } from '../../i18n'
import { Icon } from '../icons'
import { Video } from '../video'
import { BackgroundChoice } from './background-choice'
import { MaskingTrouble } from './masking-trouble'
import '../../styles/care.css'

/** What a look at oneself needs. */
export interface OwnPictureProps {
  call: Call
  mirrored?: boolean
  testId: string
  /** What comes before the choice of what stands behind. */
  children?: ComponentChildren
}

/** The own camera as others see it or would, what to look out for, and what may stand behind. */
export function OwnPicture({ call, mirrored = false, testId, children }: OwnPictureProps) {
  const { care } = call
  return (
    <>
      <figure class="own-picture">
        <div class="frame">
          <Video stream={care.picture} label={t('check.video')} mirrored={mirrored} testId={testId} />
          {care.masking.value === 'starting' && <p class="own-picture-note">{t('care.starting')}</p>}
        </div>
        <figcaption class="own-picture-hint">
          <Icon name="eye" />
          <span>{t('care.fieldOfView')}</span>
        </figcaption>
      </figure>
      {children}
      <MaskingTrouble call={call} />
      <BackgroundChoice care={care} />
    </>
  )
}

import type { Care } from '../../call/care'
import { t } from '../../i18n'
import { Switch } from '../switch'
import { InputChoice } from './input-choice'
import { Level } from './level'

/** The microphone: which one, whether noise around is filtered, and what comes in while it is open. */
export function SoundChoice({ care, open }: { care: Care; open: boolean }) {
  const filtered = care.noiseSuppression.value
  return (
    <>
      {open && <Level level={care.level} />}
      <InputChoice care={care} kind="microphone" />
      <Switch
        testId="noise-suppression"
        label={t('care.noise')}
        help={t('care.noiseHelp')}
        on={filtered}
        toggle={() => {
          care.setNoiseSuppression(!filtered)
        }}
      />
    </>
  )
}

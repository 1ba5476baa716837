import { useId } from 'preact/hooks'
import type { Care, InputKind } from '../../call/care'
import { t, type TextKey } from '../../i18n'

/** Which of several cameras or microphones is used; nothing where there is no choice. */
export function InputChoice({ care, kind }: { care: Care; kind: InputKind }) {
  const id = useId()
  const inputs = care.inputs.value[kind]
  if (inputs.length < 2) return null
  return (
    <div class="form-line">
      <label for={id}>{t(LABELS[kind])}</label>
      <select
        id={id}
        class="field"
        data-testid={`choose-${kind}`}
        value={care.chosen.value[kind] ?? ''}
        onChange={(event) => {
          care.choose(kind, event.currentTarget.value)
        }}
      >
        {inputs.map((input) => (
          <option key={input.id} value={input.id}>
            {input.label}
          </option>
        ))}
      </select>
    </div>
  )
}

const LABELS: Readonly<Record<InputKind, TextKey>> = { camera: 'care.chooseCamera', microphone: 'care.chooseMicrophone' }

// What shows behind a person: their room, its blurred picture, or a drawn one.

import { useEffect, useId, useRef } from 'preact/hooks'
import { type Scene, SCENES } from '../../call/masking/messages'
import { drawScene } from '../../call/masking/scenes'
import type { Care } from '../../call/care'
import { t, type TextKey } from '../../i18n'
import { Switch } from '../switch'

/** The choice; it shows in the picture at once. */
export function BackgroundChoice({ care }: { care: Care }) {
  const id = useId()
  const background = care.background.value
  return (
    <section class="backgrounds" aria-labelledby={id}>
      <h3 id={id} class="care-title">
        {t('care.background')}
      </h3>
      <Switch
        testId="blur"
        label={t('care.blur')}
        help={t('care.blurHelp')}
        on={background === 'blur'}
        toggle={() => {
          care.setBackground(background === 'blur' ? 'none' : 'blur')
        }}
      />
      <div class="backdrops" role="group" aria-label={t('care.scenes')}>
        {SCENES.map((scene) => (
          <button
            key={scene}
            type="button"
            class="backdrop"
            data-testid={`background-${scene}`}
            aria-pressed={background === scene}
            onClick={() => {
              care.setBackground(background === scene ? 'none' : scene)
            }}
          >
            <SceneView scene={scene} />
            <span>{t(NAMES[scene])}</span>
          </button>
        ))}
      </div>
      <p class="visually-hidden" role="status">
        {care.masking.value === 'starting' && t('care.starting')}
        {care.masking.value === 'on' && t('care.hidden')}
      </p>
    </section>
  )
}

/** The scene itself, small. */
function SceneView({ scene }: { scene: Scene }) {
  const ref = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    const canvas = ref.current
    const context = canvas?.getContext('2d')
    if (canvas != null && context != null) drawScene(context, scene, canvas.width, canvas.height)
  }, [scene])
  return <canvas ref={ref} class="backdrop-view" width={192} height={108} aria-hidden="true" />
}

const NAMES: Readonly<Record<Scene, TextKey>> = {
  plain: 'care.scenePlain',
  yard: 'care.sceneYard',
  shelves: 'care.sceneShelves',
}

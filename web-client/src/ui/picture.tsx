// The picture of the home page: the covered part of a school yard, with everybody under it.

import { t } from '../i18n'

/** A roof, two trees, and a class; or, after the meeting, nobody. */
export function Picture({ empty = false }: { empty?: boolean }) {
  return (
    <svg class="picture" viewBox="14 24 622 360" role="img" aria-label={t(empty ? 'left.picture' : 'home.picture')}>
      <circle class="p-sun" cx="536" cy="74" r="40" />
      <path class="p-leaf" d="M70 318c-44-8-66-48-50-86-14-40 16-76 50-72 14-34 66-34 80 0 38-6 62 36 46 74 12 40-14 78-52 84Z" />
      <path class="p-trunk" d="M106 372V262M106 306l26-28M106 292l-22-22" />
      <path class="p-leaf p-leaf-far" d="M540 300c-30-4-44-34-32-60-6-30 18-52 42-46 14-22 48-20 56 4 26 0 40 30 28 54 6 28-14 48-40 48Z" />
      <path class="p-trunk" d="M572 372V262M572 294l-16-16" />
      <path class="p-wall" d="M176 196h312v176H176Z" />
      <path class="p-post" d="M168 190v180M496 190v180" />
      <path class="p-roof" d="M116 196 332 74l216 122Z" />
      <path class="p-tiles" d="M296 100h72M253 124h157M211 148h242M168 172h327M332 100v24M308 124v24M356 124v24M236 148v24M284 148v24M332 148v24M380 148v24M428 148v24M212 172v24M260 172v24M308 172v24M356 172v24M404 172v24M452 172v24" />
      <path class="p-eave" d="M104 202 332 72l228 130" />
      <path class="p-lamp" d="M332 202v14M320 228a12 12 0 0 1 24 0Z" />
      <path class="p-ground" d="M24 372h592" />
      {(empty ? [] : CLASS).map(([x, height, face]) => (
        <g key={x} data-tint={face}>
          <path class="p-body" d={`M${x - 22} 372v${26 - height}a22 22 0 0 1 44 0V372Z`} />
          <circle class="p-head" cx={x} cy={372 - height - 12} r="15" />
        </g>
      ))}
    </svg>
  )
}

/** Where each person stands, how tall they are, and their colour. */
const CLASS: readonly (readonly [x: number, height: number, face: number])[] = [
  [216, 62, 3],
  [268, 52, 1],
  [332, 92, 0],
  [392, 56, 2],
  [446, 66, 4],
]

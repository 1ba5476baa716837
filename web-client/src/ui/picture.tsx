// The picture of the home page: the covered part of a school yard, with everybody under it.

import { t } from '../i18n'

/** A roof, two trees, a class. */
export function Picture() {
  return (
    <svg class="picture" viewBox="0 0 640 400" role="img" aria-label={t('home.picture')}>
      <circle class="p-sun" cx="536" cy="74" r="40" />
      <path class="p-leaf" d="M70 318c-44-8-66-48-50-86-14-40 16-76 50-72 14-34 66-34 80 0 38-6 62 36 46 74 12 40-14 78-52 84Z" />
      <path class="p-trunk" d="M106 372V262M106 306l26-28M106 292l-22-22" />
      <path class="p-leaf p-leaf-far" d="M540 300c-30-4-44-34-32-60-6-30 18-52 42-46 14-22 48-20 56 4 26 0 40 30 28 54 6 28-14 48-40 48Z" />
      <path class="p-trunk" d="M572 372V262M572 294l-16-16" />
      <path class="p-wall" d="M176 196h312v176H176Z" />
      <path class="p-post" d="M168 190v182M496 190v182M332 190v46" />
      <path class="p-roof" d="M116 196 332 74l216 122Z" />
      <path class="p-tiles" d="M178 174h308M226 147h212M274 120h116M204 174v22M252 174v22M300 174v22M348 174v22M396 174v22M444 174v22M236 147v27M284 147v27M332 147v27M380 147v27M428 147v27M268 126v21M316 120v27M364 120v27" />
      <path class="p-eave" d="M104 202 332 72l228 130" />
      <path class="p-ground" d="M24 372h592" />
      {CLASS.map(([x, height, face]) => (
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

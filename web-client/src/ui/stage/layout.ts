// Where everything on the scene stands. Pure, so that every count and screen can be tested. All
// lengths are CSS pixels.

/** A place on the scene. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** What is to be placed, and where. */
export interface Scene {
  readonly width: number
  readonly height: number
  /** Somebody's screen is looked at. */
  readonly screen: boolean
  /** People shown large, and people shown small. */
  readonly large: number
  readonly small: number
  /** The screen and the people share the scene evenly. */
  readonly halves: boolean
}

/** Where it goes. */
export interface Plan {
  readonly screen: Box | null
  /** For as many large people as are legible; the others go first among the small ones. */
  readonly large: readonly Box[]
  /** For one page of small people. */
  readonly small: readonly Box[]
  /** Where pages are turned; `null` when everybody fits. */
  readonly pager: Box | null
  /** Small people on a page. */
  readonly perPage: number
}

/** Space between two things. */
export const GAP = 8

/** Places everything: whatever is drawn is legible, and nothing scrolls. */
export function plan(scene: Scene): Plan {
  if (scene.width <= 0 || scene.height <= 0) return unmeasured(scene)
  let areas = cut(scene)
  // People who are large and do not fit become small ones, who need an area then.
  if (areas.large !== null && scene.small === 0 && scene.large > capacity(areas.large)) areas = cut({ ...scene, small: 1 })
  const large = areas.large === null ? [] : grid(areas.large, Math.min(scene.large, capacity(areas.large)))
  const pages = paged(areas.small, scene.small + scene.large - large.length)
  return { screen: areas.screen, large, ...pages }
}

interface Areas {
  readonly screen: Box | null
  readonly large: Box | null
  readonly small: Box | null
}

function cut({ width, height, screen, large, small, halves }: Scene): Areas {
  const whole = { x: 0, y: 0, width, height }
  if (!screen) return { screen: null, ...people(whole, large, small, height * LARGE_SHARE) }
  if (large + small === 0) return { screen: whole, large: null, small: null }
  if (isUpright(whole)) {
    const [top, rest] = rows(whole, Math.min(width / WIDE + CAPTION, height * SCREEN_SHARE))
    return { screen: top, ...people(rest, large, small, rest.height * LARGE_SHARE) }
  }
  const side = halves ? width / 2 : sideWidth({ ...whole, height: height - CAPTION }, large > 0)
  const [screenArea, rest] = columns(whole, width - side - GAP)
  const natural = (rest.width / WIDE + GAP) * large - GAP
  return { screen: screenArea, ...people(rest, large, small, Math.min(natural, rest.height * LARGE_SHARE)) }
}

/** Large people beside or above the small ones. */
function people(area: Box, large: number, small: number, largeHeight: number): Pick<Areas, 'large' | 'small'> {
  if (large === 0) return { large: null, small: area }
  if (small === 0) return { large: area, small: null }
  const [first, second] = isUpright(area)
    ? rows(area, largeHeight)
    : columns(area, area.width - sideWidth(area, false) - GAP)
  return { large: first, small: second }
}

/** Beside something large, that has the shape of a picture: what it leaves is for the others. */
function sideWidth({ width, height }: Pick<Box, 'width' | 'height'>, roomy: boolean): number {
  const { share, least, most } = roomy ? SIDE_ROOMY : SIDE
  const left = width - height * WIDE - GAP
  return Math.min(width / 2, Math.max(least, left, Math.min(most, width * share)))
}

function rows(area: Box, top: number): [Box, Box] {
  const height = Math.floor(Math.max(0, Math.min(top, area.height)))
  const below = Math.max(0, area.height - height - GAP)
  return [
    { ...area, height },
    { ...area, y: area.y + area.height - below, height: below },
  ]
}

function columns(area: Box, left: number): [Box, Box] {
  const width = Math.floor(Math.max(0, Math.min(left, area.width)))
  const beside = Math.max(0, area.width - width - GAP)
  return [
    { ...area, width },
    { ...area, x: area.x + area.width - beside, width: beside },
  ]
}

function isUpright({ width, height }: Box): boolean {
  return height > width
}

function paged(area: Box | null, count: number): Pick<Plan, 'small' | 'pager' | 'perPage'> {
  if (area === null) return { small: [], pager: null, perPage: 1 }
  if (count <= capacity(area)) return { small: grid(area, count), pager: null, perPage: Math.max(1, count) }
  const isLow = area.height < MIN_HEIGHT + GAP + PAGER
  const [tiles, pager] = isLow ? columns(area, area.width - PAGER - GAP) : rows(area, area.height - PAGER - GAP)
  const perPage = capacity(tiles)
  return { small: grid(tiles, perPage), pager, perPage }
}

/** How many tiles of a legible size an area holds; one at least. */
function capacity({ width, height }: Box): number {
  const across = Math.floor((width + GAP) / (MIN_WIDTH + GAP))
  // A strip of one column is filled from edge to edge.
  const least = across === 1 && width <= NARROW ? width / WIDE : MIN_HEIGHT
  const down = Math.floor((height + GAP) / (least + GAP))
  return Math.max(1, across * down)
}

/** Equal tiles, as large as the area allows, in the middle of it; the last row may be shorter. */
function grid(area: Box, count: number): Box[] {
  if (count <= 0) return []
  const ways = Array.from({ length: count }, (_, index) => fit(area, index + 1, count))
  const legible = ways.filter(({ width, height }) => width >= MIN_WIDTH && height >= MIN_HEIGHT)
  const best = (legible.length > 0 ? legible : ways).reduce((one, other) =>
    other.width * other.height > one.width * one.height ? other : one,
  )
  const { columns: across, width, height } = best
  const down = Math.ceil(count / across)
  const top = area.y + (area.height - down * height - (down - 1) * GAP) / 2
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / across)
    const inRow = Math.min(across, count - row * across)
    const left = area.x + (area.width - inRow * width - (inRow - 1) * GAP) / 2
    return {
      x: Math.floor(left + (index % across) * (width + GAP)),
      y: Math.floor(top + row * (height + GAP)),
      width,
      height,
    }
  })
}

function fit(area: Box, across: number, count: number): { columns: number; width: number; height: number } {
  const down = Math.ceil(count / across)
  const cellWidth = Math.max(0, (area.width - GAP * (across - 1)) / across)
  const cellHeight = Math.max(0, (area.height - GAP * (down - 1)) / down)
  const upright = isUpright(area) && area.width > NARROW
  return {
    columns: across,
    width: Math.floor(Math.min(cellWidth, cellHeight * WIDE)),
    height: Math.floor(Math.min(cellHeight, cellWidth / (upright ? MIN_RATIO.upright : MIN_RATIO.lying))),
  }
}

/** Nothing has a size yet, or never has where nothing is drawn: everybody is there, nowhere. */
function unmeasured({ screen, large, small }: Scene): Plan {
  const nowhere = { x: 0, y: 0, width: 0, height: 0 }
  return {
    screen: screen ? nowhere : null,
    large: Array<Box>(large).fill(nowhere),
    small: Array<Box>(small).fill(nowhere),
    pager: null,
    perPage: Math.max(1, small),
  }
}

/** Narrower, a name of two words no longer fits; wider, a phone shows one column only. */
const MIN_WIDTH = 132
/** Lower, name and face cover each other; higher, a class of thirty takes two pages on a laptop. */
const MIN_HEIGHT = 88
/** Cameras and screens give 16:9; a wider tile would cut foreheads. */
const WIDE = 16 / 9
/** A narrower tile would cut shoulders; on an upright phone that is better than a stripe. */
const MIN_RATIO = { lying: 1.2, upright: 0.8 }
/** A strip narrower than this keeps lying pictures, however high it is. */
const NARROW = 300
/** Height of a pager (width, beside a low area): what a finger needs. */
const PAGER = 44
/** Height of the line above a shared screen. */
const CAPTION = 44
/** Share of the height for people shown large, above others. More: fewer others on a page. */
const LARGE_SHARE = 0.55
/** Most of the height of an upright scene that a screen takes. More: less of the class. */
const SCREEN_SHARE = 0.5
/** What stands beside something large: its part of the width, the least that holds a legible tile, and
 * the most that it takes away. */
const SIDE = { share: 0.15, least: 160, most: 208 }
/** The same, when somebody is shown large in it. */
const SIDE_ROOMY = { share: 0.27, least: 200, most: 420 }

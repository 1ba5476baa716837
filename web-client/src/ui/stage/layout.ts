// How tiles share the room there is. Pure, so that every count and screen can be tested.

/** What is to be laid out, and where. All lengths are CSS pixels. */
export interface Area {
  readonly count: number
  readonly width: number
  readonly height: number
}

/** A grid of equal tiles; the last row may be shorter. */
export interface TileGrid {
  readonly columns: number
  readonly rows: number
  readonly tileWidth: number
  readonly tileHeight: number
  /** True when the rows are higher than the area and it has to scroll. */
  readonly scrolls: boolean
}

/** Space between two tiles. */
export const GAP = 8

/** The grid whose tiles are largest; below a legible size, one that scrolls instead. */
export function tileGrid({ count, width, height }: Area): TileGrid {
  const tiles = Math.max(1, count)
  let best = fit(1, tiles, width, height)
  for (let columns = 2; columns <= tiles; columns += 1) {
    const grid = fit(columns, tiles, width, height)
    if (grid.tileWidth * grid.tileHeight > best.tileWidth * best.tileHeight) best = grid
  }
  const legible = best.tileWidth >= MIN_WIDTH && best.tileHeight >= MIN_HEIGHT
  return legible || tiles === 1 ? best : scrolling(tiles, width)
}

/** Narrower, a name of two words no longer fits; wider, a phone shows one column only. */
const MIN_WIDTH = 132
/** Lower, name and face cover each other; higher, thirty tiles scroll on a desktop. */
const MIN_HEIGHT = 88
/** Cameras give 16:9; a wider tile would cut foreheads. */
const MAX_RATIO = 16 / 9
/** A narrower tile would cut shoulders; on an upright phone that is better than a stripe. */
const MIN_RATIO = { landscape: 1.2, portrait: 0.8 }

function fit(columns: number, count: number, width: number, height: number): TileGrid {
  const rows = Math.ceil(count / columns)
  const cellWidth = Math.max(0, (width - GAP * (columns - 1)) / columns)
  const minRatio = width > height ? MIN_RATIO.landscape : MIN_RATIO.portrait
  const cellHeight = Math.max(0, (height - GAP * (rows - 1)) / rows)
  return {
    columns,
    rows,
    tileWidth: Math.floor(Math.min(cellWidth, cellHeight * MAX_RATIO)),
    tileHeight: Math.floor(Math.min(cellHeight, cellWidth / minRatio)),
    scrolls: false,
  }
}

function scrolling(count: number, width: number): TileGrid {
  const columns = Math.min(count, Math.max(1, Math.floor((width + GAP) / (MIN_WIDTH + GAP))))
  const tileWidth = Math.max(0, Math.floor((width - GAP * (columns - 1)) / columns))
  return {
    columns,
    rows: Math.ceil(count / columns),
    tileWidth,
    tileHeight: Math.floor((tileWidth * 3) / 4),
    scrolls: true,
  }
}

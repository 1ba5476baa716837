import { describe, expect, it } from 'vitest'
import { GAP, tileGrid } from './layout'

const DESKTOP = { width: 1392, height: 740 }
const PHONE = { width: 374, height: 640 }
const SIZES = [DESKTOP, PHONE, { width: 288, height: 380 }, { width: 800, height: 260 }, { width: 2560, height: 1300 }]

describe('tile grid', () => {
  it('holds every tile without leaving the width, for 1 to 100 tiles', () => {
    for (const size of SIZES) {
      for (let count = 1; count <= 100; count += 1) {
        const grid = tileGrid({ count, ...size })
        expect(grid.columns * grid.rows, `${count} in ${size.width}`).toBeGreaterThanOrEqual(count)
        expect((grid.rows - 1) * grid.columns, `${count} in ${size.width}`).toBeLessThan(count)
        expect(grid.columns * grid.tileWidth + (grid.columns - 1) * GAP).toBeLessThanOrEqual(size.width)
        if (!grid.scrolls) {
          expect(grid.rows * grid.tileHeight + (grid.rows - 1) * GAP).toBeLessThanOrEqual(size.height)
        }
      }
    }
  })

  it('fits a class of thirty on a desktop without scrolling', () => {
    const grid = tileGrid({ count: 30, ...DESKTOP })
    expect(grid.scrolls).toBe(false)
    expect(grid.tileWidth).toBeGreaterThanOrEqual(180)
  })

  it('scrolls thirty tiles in two columns on a phone', () => {
    expect(tileGrid({ count: 30, ...PHONE })).toMatchObject({ columns: 2, rows: 15, scrolls: true })
  })

  it('puts two people side by side on a desktop and one above the other on a phone', () => {
    expect(tileGrid({ count: 2, ...DESKTOP })).toMatchObject({ columns: 2, rows: 1 })
    expect(tileGrid({ count: 2, ...PHONE })).toMatchObject({ columns: 1, rows: 2 })
  })

  it('never cuts a camera picture to a sliver', () => {
    for (const size of SIZES) {
      for (let count = 1; count <= 30; count += 1) {
        const { tileWidth, tileHeight } = tileGrid({ count, ...size })
        expect(tileWidth / tileHeight).toBeGreaterThan(0.75)
        expect(tileWidth / tileHeight).toBeLessThan(1.85)
      }
    }
  })

  it('survives an area that is not measured yet', () => {
    expect(tileGrid({ count: 5, width: 0, height: 0 }).tileWidth).toBe(0)
  })
})

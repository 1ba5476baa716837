import { describe, expect, it } from 'vitest'
import { type Box, GAP, plan, type Scene } from './layout'

const DESKTOP = { width: 1416, height: 716 }
const PHONE = { width: 366, height: 668 }
const SIZES = [
  DESKTOP,
  PHONE,
  { width: 336, height: 484 },
  { width: 800, height: 220 },
  { width: 2560, height: 1300 },
  { width: 776, height: 470 },
]
const PEOPLE = { screen: false, large: 0, small: 0, halves: false }

describe('the plan of the scene', () => {
  it('keeps everything inside and nothing on top of another, whatever there is', () => {
    for (const scene of scenes()) {
      const boxes = boxesOf(scene)
      for (const [index, box] of boxes.entries()) {
        const said = `${JSON.stringify(scene)}: ${JSON.stringify(box)}`
        expect(box.x >= 0 && box.y >= 0, said).toBe(true)
        expect(box.x + box.width <= scene.width + 1 && box.y + box.height <= scene.height + 1, said).toBe(true)
        for (const other of boxes.slice(index + 1)) expect(areApart(box, other), said).toBe(true)
      }
    }
  })

  it('draws no tile that is not legible', () => {
    for (const scene of scenes()) {
      const { large, small } = plan(scene)
      for (const { width, height } of [...large, ...small]) {
        expect(Math.min(width / 132, height / 88), JSON.stringify(scene)).toBeGreaterThanOrEqual(1)
        expect(width / height).toBeGreaterThan(0.75)
        expect(width / height).toBeLessThan(1.85)
      }
    }
  })

  it('has a place for everybody, on one page or the next', () => {
    for (const scene of scenes()) {
      const { large, small, perPage, pager } = plan(scene)
      const everybody = scene.large + scene.small
      const rest = everybody - large.length
      expect(small.length).toBe(Math.min(rest, perPage))
      expect(pager !== null, JSON.stringify(scene)).toBe(rest > perPage)
    }
  })

  it('shows a class of thirty on one page of a desktop', () => {
    const { small, pager } = plan({ ...PEOPLE, ...DESKTOP, small: 30 })
    expect(pager).toBeNull()
    expect(small).toHaveLength(30)
    expect(small[0]?.width).toBeGreaterThanOrEqual(180)
  })

  it('turns pages of two columns on a phone', () => {
    const { perPage, small, pager } = plan({ ...PEOPLE, ...PHONE, small: 30 })
    expect(perPage).toBe(12)
    expect(new Set(small.map(({ x }) => x)).size).toBe(2)
    expect(pager?.height).toBe(44)
  })

  it('puts two people side by side on a desktop and one above the other on a phone', () => {
    const [left, right] = plan({ ...PEOPLE, ...DESKTOP, small: 2 }).small
    expect(left?.y).toBe(right?.y)
    const [above, below] = plan({ ...PEOPLE, ...PHONE, small: 2 }).small
    expect(above?.x).toBe(below?.x)
  })

  it('gives most of the scene to a screen, half of it in halves, all of it alone', () => {
    const scene = { ...PEOPLE, ...DESKTOP, screen: true, small: 5 }
    expect(plan(scene).screen?.width).toBeGreaterThan(0.8 * DESKTOP.width)
    expect(plan({ ...scene, halves: true }).screen?.width).toBeCloseTo(DESKTOP.width / 2 - GAP, -1)
    expect(plan({ ...scene, small: 0 }).screen).toEqual({ x: 0, y: 0, ...DESKTOP })
    const { screen, small } = plan({ ...scene, ...PHONE })
    expect(screen).toMatchObject({ x: 0, y: 0, width: PHONE.width })
    expect(small.every(({ y }) => y > (screen?.height ?? 0))).toBe(true)
  })

  it('shows somebody large many times the size of the others', () => {
    for (const size of [DESKTOP, PHONE]) {
      const { large, small } = plan({ ...PEOPLE, ...size, large: 1, small: 8 })
      expect(areaOf(large[0])).toBeGreaterThan(3 * areaOf(small[0]))
    }
  })

  it('keeps as many large as are legible', () => {
    const { large, small, perPage } = plan({ ...PEOPLE, ...PHONE, large: 40 })
    expect(large.length).toBeGreaterThan(1)
    expect(large.length + perPage).toBeLessThan(40)
    expect(small).toHaveLength(perPage)
  })

  it('has everybody where nothing has a size', () => {
    const { small, pager } = plan({ ...PEOPLE, width: 0, height: 0, small: 40 })
    expect(small).toHaveLength(40)
    expect(pager).toBeNull()
  })
})

function* scenes(): Generator<Scene> {
  for (const size of SIZES) {
    for (const screen of [false, true]) {
      for (const large of [0, 1, 2, 5, 17]) {
        for (const small of [0, 1, 2, 3, 8, 29, 100]) {
          for (const halves of [false, true]) yield { ...size, screen, large, small, halves }
        }
      }
    }
  }
}

function boxesOf(scene: Scene): Box[] {
  const { screen, large, small, pager } = plan(scene)
  return [screen, ...large, ...small, pager].filter((box) => box !== null)
}

function areApart(one: Box, other: Box): boolean {
  return (
    one.x + one.width <= other.x ||
    other.x + other.width <= one.x ||
    one.y + one.height <= other.y ||
    other.y + other.height <= one.y
  )
}

function areaOf(box: Box | undefined): number {
  return box === undefined ? 0 : box.width * box.height
}

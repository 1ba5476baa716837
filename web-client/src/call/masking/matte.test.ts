import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Matte, shown } from './matte'
import { contained } from './painter'

beforeEach(() => {
  vi.stubGlobal(
    'ImageData',
    class {
      readonly data: Uint8ClampedArray
      constructor(width: number, height: number) {
        this.data = new Uint8ClampedArray(4 * width * height)
      }
    },
  )
})

afterEach(() => {
  vi.unstubAllGlobals()
})

it('hides what is doubtful and shows what is sure', () => {
  expect([0, 0.3, 0.45, 0.85, 1].map(shown)).toEqual([0, 0, 0, 1, 1])
  expect(shown(0.6)).toBeLessThan(0.5)
})

it('follows movement at once and evens out noise', () => {
  const matte = new Matte(1, 1)
  const alpha = (mask: number) => matte.take(Float32Array.of(mask)).data[3] ?? NaN
  expect(alpha(1)).toBe(255)
  expect(alpha(0)).toBe(0)
  expect(alpha(1)).toBe(255)
  const noise = alpha(0.7)
  expect(noise).toBeGreaterThan(new Matte(1, 1).take(Float32Array.of(0.7)).data[3] ?? NaN)
})

it('gives edges no steps, and single doubtful pixels nothing', () => {
  const alphas = (width: number, height: number, mask: number[]) => {
    const { data } = new Matte(width, height).take(Float32Array.from(mask))
    return mask.map((_, index) => data[4 * index + 3] ?? NaN)
  }
  const [, inner = NaN, outer = NaN] = alphas(4, 1, [1, 1, 0, 0])
  expect(inner).toBeGreaterThan(0)
  expect(inner).toBeLessThan(255)
  expect(outer).toBe(0)
  expect(alphas(3, 3, [0, 0, 0, 0, 1, 0, 0, 0, 0])).toEqual(Array(9).fill(0))
})

it('keeps the shape of a picture, upright or not', () => {
  expect(contained(960, 540, 256, 144)).toEqual({ x: 0, y: 0, width: 256, height: 144 })
  expect(contained(540, 960, 256, 144)).toEqual({ x: 87, y: 0, width: 81, height: 144 })
  expect(contained(640, 480, 256, 144)).toEqual({ x: 32, y: 0, width: 192, height: 144 })
})

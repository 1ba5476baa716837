import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { beforeAll, describe, expect, it } from 'vitest'
import { halfOf, readModel } from './model'
import { Network } from './network'

const bytes = (path: string): ArrayBuffer => Uint8Array.from(readFileSync(path)).buffer
const model = bytes(
  createRequire(import.meta.url).resolve('@mediapipe/selfie_segmentation/selfie_segmentation_landscape.tflite'),
)
let kernels: WebAssembly.Module

beforeAll(async () => {
  kernels = await WebAssembly.compile(bytes(`${import.meta.dirname}/kernels.wasm`))
})

const WIDTH = 256
const HEIGHT = 144

/** Somebody drawn, before a wall of stripes. */
function drawn(): Uint8ClampedArray {
  const rgba = new Uint8ClampedArray(4 * WIDTH * HEIGHT).fill(255)
  const paint = (inside: (x: number, y: number) => boolean, colour: number[]) => {
    for (let index = 0; index < WIDTH * HEIGHT; index += 1) {
      if (inside(index % WIDTH, Math.floor(index / WIDTH))) rgba.set(colour, 4 * index)
    }
  }
  const oval = (colour: number[], centreX: number, centreY: number, width: number, height: number) => {
    paint((x, y) => ((x - centreX) / width) ** 2 + ((y - centreY) / height) ** 2 <= 1, colour)
  }
  paint((x) => Math.floor(x / 4) % 2 === 0, [244, 244, 244])
  paint((x) => Math.floor(x / 4) % 2 === 1, [24, 24, 24])
  oval([43, 29, 20], 128, 55, 34, 40)
  oval([217, 160, 124], 128, 104, 14, 19)
  oval([140, 47, 57], 128, 160, 72, 53)
  oval([225, 178, 145], 128, 67, 27, 35)
  for (const eye of [118, 138]) {
    oval([255, 255, 255], eye, 62, 4.5, 2.7)
    oval([51, 35, 26], eye, 62, 2.4, 2.4)
  }
  oval([192, 133, 98], 128, 73, 4, 6)
  oval([164, 72, 63], 128, 86, 9, 2.7)
  return rgba
}

/** What MediaPipe's own program for Python (0.10.9) makes of that picture, as means of squares of 16. */
const MEDIAPIPE = [
  [0, 0, 0, 0, 0, 0, 0, 0.026, 0.012, 0, 0, 0, 0, 0, 0, 0.002],
  [0, 0, 0, 0, 0, 0, 0.347, 0.938, 0.943, 0.375, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0.131, 0.926, 1, 1, 0.992, 0.032, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0.265, 1, 1, 1, 1, 0.128, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0.092, 0.897, 1, 1, 0.968, 0.03, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 0.408, 1, 1, 0.422, 0, 0, 0, 0.036, 0.059, 0.087],
  [0, 0.027, 0.117, 0.012, 0, 0.007, 0.141, 0.9, 0.967, 0.163, 0, 0, 0.024, 0.235, 0.193, 0.149],
  [0.118, 0.222, 0.242, 0.003, 0.201, 0.764, 1, 1, 1, 1, 0.774, 0.184, 0.106, 0.278, 0.198, 0.045],
  [0.244, 0.347, 0.302, 0.265, 0.926, 1, 1, 1, 1, 1, 1, 0.957, 0.409, 0.318, 0.215, 0.112],
]

it('a person is found as MediaPipe finds them, time after time', () => {
  const network = new Network(kernels, model)
  network.run(new Uint8ClampedArray(4 * WIDTH * HEIGHT))
  const mask = network.run(drawn())
  for (const [row, means] of MEDIAPIPE.entries()) {
    for (const [column, expected] of means.entries()) {
      let sum = 0
      for (let y = 0; y < 16; y += 1) {
        for (let x = 0; x < 16; x += 1) sum += mask[(row * 16 + y) * WIDTH + column * 16 + x] ?? NaN
      }
      expect(Math.abs(sum / 256 - expected), `${row} ${column}`).toBeLessThan(0.002)
    }
  }
})

describe('a model', () => {
  it('that is cut anywhere is refused, never half understood', () => {
    for (let length = 0; length < model.byteLength; length += 4_999) {
      expect(() => new Network(kernels, model.slice(0, length)), `${length}`).toThrow()
    }
  })

  it('that was changed gives a mask of the right size or is refused', () => {
    for (let at = 0; at < 4_000; at += 61) {
      const changed = new Uint8Array(model.slice(0))
      changed[at] = (changed[at] ?? 0) ^ 0x55
      let steps: number | null = null
      try {
        steps = readModel(changed.buffer).operations.length
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
      expect(steps === null || steps < 1_000).toBe(true)
    }
  })

  it('takes pictures of its own size only', () => {
    expect(() => new Network(kernels, model).run(new Uint8ClampedArray(16))).toThrow('16 bytes')
  })
})

it.each([
  [0x0000, 0],
  [0x3c00, 1],
  [0xc000, -2],
  [0x3555, 0.333251953125],
  [0x0001, 2 ** -24],
  [0x7bff, 65504],
  [0xfc00, -Infinity],
])('reads the 16 bits %i as %d', (bits, value) => {
  expect(halfOf(bits)).toBe(value)
})

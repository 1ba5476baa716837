import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Kernels } from './network'

const folder = import.meta.dirname
const client = join(folder, '../../..')
const read = (name: string): Buffer => readFileSync(`${folder}/${name}`)

it('kernels.wasm is what comes out of kernels.as.ts; write it anew with "npm run kernels"', () => {
  const { scripts } = JSON.parse(readFileSync(`${client}/package.json`, 'utf8')) as { scripts: { kernels: string } }
  const [compiler = '', ...options] = scripts.kernels.split(' ')
  const written = join(mkdtempSync(join(tmpdir(), 'kernels-')), 'kernels.wasm')
  options[options.indexOf('--outFile') + 1] = written
  execFileSync(`node_modules/.bin/${compiler}`, options, { cwd: client })
  expect(readFileSync(written).equals(read('kernels.wasm'))).toBe(true)
}, 60_000)

describe('each kernel gives what the plain sum gives', () => {
  const memory = new WebAssembly.Memory({ initial: 64 })
  let kernels: Kernels
  let end: number

  beforeAll(async () => {
    const module = await WebAssembly.compile(Uint8Array.from(read('kernels.wasm')))
    kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels
    end = 16 * Math.ceil(kernels.firstFree() / 16)
  })

  const view = (place: number, count: number) => new Float32Array(memory.buffer, place, count)
  const room = (count: number) => {
    const place = end
    end += 16 * Math.ceil(count / 4)
    return place
  }
  let seed = 7
  const numbers = (count: number) => {
    const place = room(count)
    const values = Float32Array.from({ length: count }, () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      return seed / 2 ** 30 - 1
    })
    view(place, count).set(values)
    return { place, at: (index: number) => values[index] ?? 0 }
  }
  const expectClose = (place: number, expected: number[]) => {
    const given = view(place, expected.length)
    for (const [index, value] of expected.entries()) expect(given[index], `${index}`).toBeCloseTo(value, 4)
  }
  const range = (count: number) => Array.from({ length: count }, (_, index) => index)
  const ACTIVATIONS = [(x: number) => x, (x: number) => Math.max(x, 0), (x: number) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6]

  it.each([0, 1, 2])('pointwise, with activation %i and a number of pixels that four does not divide', (act) => {
    const [pixels, inputs, outputs] = [7, 27, 16]
    const input = numbers(pixels * inputs)
    const weights = numbers(inputs * outputs)
    const bias = numbers(outputs)
    const output = room(pixels * outputs)
    kernels.pointwise(input.place, weights.place, bias.place, output, pixels, inputs, outputs, act)
    const sum = (pixel: number, o: number) =>
      range(inputs).reduce((total, k) => total + input.at(pixel * inputs + k) * weights.at(k * outputs + o), bias.at(o))
    expectClose(output, range(pixels).flatMap((pixel) => range(outputs).map((o) => ACTIVATIONS[act]?.(sum(pixel, o)) ?? NaN)))
  })

  it.each([
    [3, 1, 1],
    [3, 2, 0],
    [5, 2, 1],
  ])('depthwise and windows of %i by steps of %i, %i over the edge', (size, stride, over) => {
    const [height, width, channels] = [6, 8, 8]
    const [outHeight, outWidth] = [height / stride, width / stride]
    const input = numbers(height * width * channels)
    const weights = numbers(size * size * channels)
    const bias = numbers(channels)
    const output = room(outHeight * outWidth * channels)
    const rows = room(outHeight * outWidth * size * size * channels)
    kernels.depthwise(input.place, weights.place, bias.place, output, height, width, channels, size, stride, over, over, outHeight, outWidth, 0)
    kernels.windows(input.place, rows, height, width, channels, size, stride, over, over, outHeight, outWidth)
    const pixel = (y: number, x: number, c: number) =>
      y < 0 || x < 0 || y >= height || x >= width ? 0 : input.at((y * width + x) * channels + c)
    const places = range(outHeight).flatMap((y) => range(outWidth).map((x) => ({ y: y * stride - over, x: x * stride - over })))
    const window = ({ y, x }: { y: number; x: number }, c: number) =>
      range(size * size).map((k) => pixel(y + Math.floor(k / size), x + (k % size), c))
    expectClose(
      output,
      places.flatMap((place) =>
        range(channels).map((c) => window(place, c).reduce((sum, value, k) => sum + value * weights.at(k * channels + c), bias.at(c))),
      ),
    )
    expectClose(
      rows,
      places.flatMap((place) => range(size * size).flatMap((k) => range(channels).map((c) => window(place, c)[k] ?? NaN))),
    )
  })

  it('enlarge, as if each pixel stood in the middle of its square', () => {
    const [height, width, channels] = [3, 4, 4]
    const input = numbers(height * width * channels)
    const output = room(4 * height * width * channels)
    kernels.enlarge(input.place, output, height, width, channels)
    const between = (at: number, size: number) => {
      const centre = Math.max((at + 0.5) / 2 - 0.5, 0)
      const low = Math.floor(centre)
      return { low, high: Math.min(low + 1, size - 1), share: centre - low }
    }
    const expected = range(2 * height).flatMap((y) =>
      range(2 * width).flatMap((x) =>
        range(channels).map((c) => {
          const v = between(y, height)
          const h = between(x, width)
          const row = (r: number) =>
            input.at((r * width + h.low) * channels + c) * (1 - h.share) + input.at((r * width + h.high) * channels + c) * h.share
          return row(v.low) * (1 - v.share) + row(v.high) * v.share
        }),
      ),
    )
    expectClose(output, expected)
  })

  it('unfold, mean, scale, add, logistic and colours', () => {
    const [height, width, channels] = [2, 3, 8]
    const pixels = height * width
    const input = numbers(pixels * channels)
    const weights = numbers(4 * channels)
    const bias = numbers(1)
    const output = room(4 * pixels * channels)
    kernels.unfold(input.place, weights.place, bias.place, output, height, width, channels)
    const folded = range(2 * height).flatMap((y) =>
      range(2 * width).map((x) =>
        range(channels).reduce(
          (sum, c) => sum + input.at(((y >> 1) * width + (x >> 1)) * channels + c) * weights.at(((y & 1) * 2 + (x & 1)) * channels + c),
          bias.at(0),
        ),
      ),
    )
    expectClose(output, folded)
    kernels.mean(input.place, output, pixels, channels)
    expectClose(output, range(channels).map((c) => range(pixels).reduce((sum, i) => sum + input.at(i * channels + c), 0) / pixels))
    kernels.scale(input.place, weights.place, output, pixels, channels)
    expectClose(output, range(pixels * channels).map((i) => input.at(i) * weights.at(i % channels)))
    kernels.add(input.place, input.place, output, pixels * channels)
    expectClose(output, range(pixels * channels).map((i) => 2 * input.at(i)))
    kernels.activation(input.place, output, pixels * channels, 1)
    expectClose(output, range(pixels * channels).map((i) => Math.max(input.at(i), 0)))
    kernels.logistic(input.place, output, 9)
    expectClose(output, range(9).map((i) => 1 / (1 + Math.exp(-input.at(i)))))
    new Uint8Array(memory.buffer, input.place, 8).set([0, 51, 255, 9, 102, 153, 204, 9])
    kernels.normalise(input.place, output, 2)
    expectClose(output, [0, 0.2, 1, 0.4, 0.6, 0.8])
  })
})

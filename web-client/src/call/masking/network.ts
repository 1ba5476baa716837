// A small neural network on the kernels of kernels.wasm. All memory is laid out once; a run only
// computes.

import { type Model, type Operation, readModel } from './model'

/** What kernels.as.ts exports: places in memory, then counts. */
export type Kernels = { firstFree: () => number } & Record<
  | 'normalise'
  | 'windows'
  | 'pointwise'
  | 'depthwise'
  | 'mean'
  | 'add'
  | 'scale'
  | 'activation'
  | 'logistic'
  | 'enlarge'
  | 'unfold',
  (...numbers: number[]) => void
>

/** A network that tells for each pixel of a picture how much it belongs to a person. */
export class Network {
  readonly width: number
  readonly height: number
  private readonly memory = new WebAssembly.Memory({ initial: 1 })
  private readonly kernels: Kernels
  private readonly steps: (() => void)[] = []
  /** Where each tensor stands. */
  private readonly places = new Map<number, number>()
  /** Places whose content nobody needs any more, by size. */
  private readonly spare = new Map<number, number[]>()
  private end: number
  private readonly picture: number

  constructor(kernels: WebAssembly.Module, file: ArrayBuffer) {
    const { exports } = new WebAssembly.Instance(kernels, { env: { memory: this.memory } })
    this.kernels = exports as unknown as Kernels
    this.end = Math.ceil(this.kernels.firstFree() / 16) * 16
    const model = readModel(file)
    const { height, width, channels } = this.sizeOf(model, model.input)
    if (channels !== 3) throw new Error('model: takes no colours')
    this.width = width
    this.height = height
    const pixels = width * height
    const picture = this.allocate(4 * pixels)
    this.picture = picture
    const input = this.allocate(12 * pixels)
    this.places.set(model.input, input)
    this.steps.push(() => {
      this.kernels.normalise(picture, input, pixels)
    })
    this.plan(model)
    const place = this.places.get(model.output)
    const result = this.sizeOf(model, model.output)
    if (place === undefined || result.pixels !== pixels || result.channels !== 1) throw new Error('model: gives no mask')
    this.result = place
  }

  private readonly result: number

  /** The mask of a picture in bytes of red, green, blue, alpha: 0 is background, 1 a person. Holds
   * until the next run. */
  run(rgba: Uint8ClampedArray): Float32Array {
    const pixels = this.width * this.height
    if (rgba.length !== 4 * pixels) throw new Error(`a picture of ${rgba.length} bytes`)
    new Uint8ClampedArray(this.memory.buffer, this.picture, 4 * pixels).set(rgba)
    for (const step of this.steps) step()
    return new Float32Array(this.memory.buffer, this.result, pixels)
  }

  private plan(model: Model): void {
    const lastUse = new Map<number, number>()
    const uses = new Map<number, number>()
    for (const [index, { inputs }] of model.operations.entries()) {
      for (const input of inputs) {
        lastUse.set(input, index)
        uses.set(input, (uses.get(input) ?? 0) + 1)
      }
    }
    let after: Operation | undefined
    for (const [index, operation] of model.operations.entries()) {
      // Computed together with the one before.
      if (operation === after) continue
      const next = model.operations[index + 1]
      const joins =
        next !== undefined &&
        ACTIVATIONS[next.name] !== undefined &&
        (operation.name === 'convolution' || operation.name === 'depthwise') &&
        next.inputs[0] === operation.output &&
        uses.get(operation.output) === 1
      after = joins ? next : undefined
      const output = joins ? next.output : operation.output
      const act = joins ? (ACTIVATIONS[next.name] ?? 0) : 0
      const { pixels, channels } = this.sizeOf(model, output)
      const place = this.reuse(4 * pixels * channels)
      this.places.set(output, place)
      this.steps.push(this.stepOf(model, operation, place, act))
      for (const input of new Set(operation.inputs)) {
        if (lastUse.get(input) !== index || input === model.input || model.tensors[input]?.learnt !== null) continue
        this.release(input, model)
      }
    }
  }

  private stepOf(model: Model, operation: Operation, output: number, act: number): () => void {
    const { kernels } = this
    const [first = -1, second = -1, third = -1] = operation.inputs
    const input = this.placeOf(first)
    const from = this.sizeOf(model, first)
    const to = this.sizeOf(model, operation.output)
    const count = to.pixels * to.channels
    switch (operation.name) {
      case 'convolution':
        return this.convolution(model, operation, input, output, act)
      case 'depthwise': {
        const [, size = 0] = this.shapeOf(model, second)
        const weights = this.keep(this.learnt(model, second))
        const bias = this.keep(this.learnt(model, third))
        const edge = before(operation, from, to, size)
        check(from.channels % 4 === 0, operation)
        return () => {
          kernels.depthwise(
            input, weights, bias, output, from.height, from.width, from.channels,
            size, operation.stride, edge.top, edge.left, to.height, to.width, act,
          )
        }
      }
      case 'mean':
        check(to.pixels === 1 && to.channels === from.channels && from.channels % 4 === 0, operation)
        return () => {
          kernels.mean(input, output, from.pixels, from.channels)
        }
      case 'add': {
        const other = this.placeOf(second)
        check(this.sizeOf(model, second).pixels === from.pixels && count % 4 === 0, operation)
        return () => {
          kernels.add(input, other, output, count)
        }
      }
      case 'multiply': {
        const factors = this.placeOf(second)
        const size = this.sizeOf(model, second)
        check(size.pixels === 1 && size.channels === from.channels && from.channels % 4 === 0, operation)
        return () => {
          kernels.scale(input, factors, output, from.pixels, from.channels)
        }
      }
      case 'relu':
      case 'hard_swish':
        check(count % 4 === 0, operation)
        return () => {
          kernels.activation(input, output, count, ACTIVATIONS[operation.name] ?? 0)
        }
      case 'logistic':
        return () => {
          kernels.logistic(input, output, count)
        }
      case 'enlarge':
        check(to.width === 2 * from.width && to.height === 2 * from.height && from.channels % 4 === 0, operation)
        return () => {
          kernels.enlarge(input, output, from.height, from.width, from.channels)
        }
      case 'unfold': {
        const weights = this.keep(this.learnt(model, second))
        const bias = this.keep(this.learnt(model, third))
        check(this.shapeOf(model, second).join() === `1,2,2,${from.channels}` && from.channels % 4 === 0, operation)
        return () => {
          kernels.unfold(input, weights, bias, output, from.height, from.width, from.channels)
        }
      }
    }
  }

  private convolution(model: Model, operation: Operation, input: number, output: number, act: number): () => void {
    const { kernels } = this
    const [first = -1, second = -1, third = -1] = operation.inputs
    const from = this.sizeOf(model, first)
    const to = this.sizeOf(model, operation.output)
    const [, size = 0] = this.shapeOf(model, second)
    const depth = size * size * from.channels
    check(to.channels % 8 === 0, operation)
    const weights = this.keep(transposed(this.learnt(model, second), depth))
    const bias = this.keep(this.learnt(model, third))
    if (size === 1 && operation.stride === 1) {
      return () => {
        kernels.pointwise(input, weights, bias, output, to.pixels, depth, to.channels, act)
      }
    }
    const rows = this.allocate(4 * to.pixels * depth)
    const edge = before(operation, from, to, size)
    return () => {
      kernels.windows(
        input, rows, from.height, from.width, from.channels,
        size, operation.stride, edge.top, edge.left, to.height, to.width,
      )
      kernels.pointwise(rows, weights, bias, output, to.pixels, depth, to.channels, act)
    }
  }

  private sizeOf(model: Model, tensor: number): Size {
    const [, height = 1, width = 1, channels = 1] = this.shapeOf(model, tensor)
    return { height, width, channels, pixels: height * width }
  }

  private shapeOf(model: Model, tensor: number): readonly number[] {
    const shape = model.tensors[tensor]?.shape
    if (shape === undefined) throw new Error(`model: no tensor ${tensor}`)
    return shape
  }

  private learnt(model: Model, tensor: number): Float32Array {
    const numbers = model.tensors[tensor]?.learnt
    if (numbers == null) throw new Error(`model: nothing learnt in ${tensor}`)
    return numbers
  }

  private placeOf(tensor: number): number {
    const place = this.places.get(tensor)
    if (place === undefined) throw new Error(`model: ${tensor} is used before it is computed`)
    return place
  }

  private keep(numbers: Float32Array): number {
    const place = this.allocate(4 * numbers.length)
    new Float32Array(this.memory.buffer, place, numbers.length).set(numbers)
    return place
  }

  private reuse(bytes: number): number {
    return this.spare.get(bytes)?.pop() ?? this.allocate(bytes)
  }

  private release(tensor: number, model: Model): void {
    const place = this.places.get(tensor)
    if (place === undefined) return
    const { pixels, channels } = this.sizeOf(model, tensor)
    const bytes = 4 * pixels * channels
    this.spare.set(bytes, [...(this.spare.get(bytes) ?? []), place])
  }

  private allocate(bytes: number): number {
    const place = this.end
    this.end += Math.ceil(bytes / 16) * 16
    const missing = Math.ceil((this.end - this.memory.buffer.byteLength) / PAGE_BYTES)
    if (missing > 0) this.memory.grow(missing)
    return place
  }
}

interface Size {
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly pixels: number
}

/** Rows of one output channel each become rows of one input each, as the kernels want them. */
function transposed(weights: Float32Array, depth: number): Float32Array {
  const outputs = weights.length / depth
  return Float32Array.from(weights, (_, index) => weights[(index % outputs) * depth + Math.floor(index / outputs)] ?? 0)
}

/** How far the first window reaches over the edge. */
function before({ stride, padded }: Operation, from: Size, to: Size, size: number): { top: number; left: number } {
  const over = (input: number, output: number) =>
    padded ? Math.floor(Math.max((output - 1) * stride + size - input, 0) / 2) : 0
  return { top: over(from.height, to.height), left: over(from.width, to.width) }
}

function check(understood: boolean, { name }: Operation): void {
  if (!understood) throw new Error(`model: ${name} of sizes that are not understood`)
}

const ACTIVATIONS: Partial<Record<Operation['name'], number>> = { relu: 1, hard_swish: 2 }
const PAGE_BYTES = 65_536

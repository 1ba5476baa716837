// Reads the file of a small neural network (TensorFlow Lite's schema, version 3, in FlatBuffers): its
// steps, the shapes between them and the numbers it learnt.

/** What the network knows between two steps, or learnt: numbers in a shape. */
export interface Tensor {
  readonly shape: readonly number[]
  /** What was learnt; `null` for what is computed. */
  readonly learnt: Float32Array | null
}

/** One step. */
export interface Operation {
  readonly name: OperationName
  readonly inputs: readonly number[]
  readonly output: number
  /** Of convolutions: how far the window moves, and whether it may reach over the edge. */
  readonly stride: number
  readonly padded: boolean
}

/** A network, in the order in which it is computed. */
export interface Model {
  readonly tensors: readonly Tensor[]
  readonly operations: readonly Operation[]
  readonly input: number
  readonly output: number
}

/** Steps that are understood. */
export type OperationName =
  | 'add'
  | 'convolution'
  | 'depthwise'
  | 'logistic'
  | 'multiply'
  | 'relu'
  | 'enlarge'
  | 'mean'
  | 'hard_swish'
  | 'unfold'

/** Reads a model. Throws where it holds something that is not understood. */
export function readModel(file: ArrayBuffer): Model {
  const bytes = new DataView(file)
  const root = new Table(bytes, bytes.getUint32(0, true))
  const [graph] = root.tables(SUBGRAPHS)
  if (graph === undefined) throw new Error('model: no graph')
  const buffers = root.tables(BUFFERS)
  const codes = root.tables(OPERATOR_CODES).map((code) => nameOf(code))
  const raw = graph.tables(0).map((tensor) => ({
    shape: tensor.integers(0),
    type: tensor.byte(1),
    bytes: buffers[tensor.integer(2)]?.bytes(0) ?? EMPTY,
  }))
  const learnt = new Map<number, Float32Array>()
  for (const [index, { type, bytes: data }] of raw.entries()) {
    if (data.byteLength > 0 && type <= HALF) learnt.set(index, numbersOf(data, type))
  }
  const operations: Operation[] = []
  for (const operation of graph.tables(3)) {
    const name = codes[operation.integer(0)]
    const inputs = operation.integers(1)
    const [output] = operation.integers(2)
    if (name === undefined || output === undefined) throw new Error('model: a step without a name or a result')
    if (name === 'widen') {
      // Stored with 16 bits, which reading them has undone.
      const numbers = learnt.get(inputs[0] ?? -1)
      if (numbers === undefined) throw new Error('model: widens what is not stored')
      learnt.set(output, numbers)
      continue
    }
    const options = operation.table(4)
    const stride = name === 'unfold' ? 2 : (options?.integer(1, 1) ?? 1)
    operations.push({ name, inputs, output, stride, padded: options?.byte(0) === 0 })
  }
  const [input] = graph.integers(1)
  const [output] = graph.integers(2)
  if (input === undefined || output === undefined) throw new Error('model: no input or no output')
  const tensors = raw.map(({ shape }, index) => ({ shape, learnt: learnt.get(index) ?? null }))
  return { tensors, operations, input, output }
}

/** A table of FlatBuffers: fields by number, any of which may be absent. */
class Table {
  private readonly fields: number

  constructor(
    private readonly view: DataView,
    private readonly at: number,
  ) {
    this.fields = at - view.getInt32(at, true)
  }

  byte(field: number): number {
    const place = this.place(field)
    return place === 0 ? 0 : this.view.getUint8(place)
  }

  integer(field: number, absent = 0): number {
    const place = this.place(field)
    return place === 0 ? absent : this.view.getInt32(place, true)
  }

  table(field: number): Table | null {
    const place = this.place(field)
    return place === 0 ? null : new Table(this.view, this.follow(place))
  }

  tables(field: number): Table[] {
    return this.list(field, (place) => new Table(this.view, this.follow(place)))
  }

  integers(field: number): number[] {
    return this.list(field, (place) => this.view.getInt32(place, true))
  }

  bytes(field: number): DataView {
    const place = this.place(field)
    if (place === 0) return EMPTY
    const start = this.follow(place)
    return new DataView(this.view.buffer, start + 4, this.view.getUint32(start, true))
  }

  text(field: number): string {
    const { buffer, byteOffset, byteLength } = this.bytes(field)
    return new TextDecoder().decode(new Uint8Array(buffer, byteOffset, byteLength))
  }

  private list<T>(field: number, read: (place: number) => T): T[] {
    const place = this.place(field)
    if (place === 0) return []
    const start = this.follow(place)
    const count = this.view.getUint32(start, true)
    // A cut file must not ask for a list of thousands of millions.
    if (count > this.view.byteLength / 4) throw new RangeError('model: a list longer than the file')
    return Array.from({ length: count }, (_, index) => read(start + 4 + 4 * index))
  }

  /** Where a field stands; 0 when it is absent. */
  private place(field: number): number {
    const slot = 4 + 2 * field
    if (slot >= this.view.getUint16(this.fields, true)) return 0
    const offset = this.view.getUint16(this.fields + slot, true)
    return offset === 0 ? 0 : this.at + offset
  }

  private follow(place: number): number {
    return place + this.view.getUint32(place, true)
  }
}

function nameOf(code: Table): OperationName | 'widen' {
  // Files of before 2021 have one byte for the code; later ones repeat it there where it fits.
  const number = Math.max(code.byte(0), code.integer(3))
  if (number === CUSTOM && code.text(1) === 'Convolution2DTransposeBias') return 'unfold'
  const name = NAMES[number]
  if (name === undefined) throw new Error(`model: unknown operation ${number}`)
  return name
}

function numbersOf(data: DataView, type: number): Float32Array {
  const size = type === HALF ? 2 : 4
  return Float32Array.from({ length: data.byteLength / size }, (_, index) =>
    type === HALF ? halfOf(data.getUint16(2 * index, true)) : data.getFloat32(4 * index, true),
  )
}

/** A number of 16 bits (IEEE 754 binary16). */
export function halfOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

// Fields of the root table.
const OPERATOR_CODES = 1
const SUBGRAPHS = 2
const BUFFERS = 4

/** Type of numbers stored with 16 bits; 0 is 32 bits, all above are no floats. */
const HALF = 1
const CUSTOM = 32
const NAMES: Readonly<Record<number, OperationName | 'widen'>> = {
  0: 'add',
  3: 'convolution',
  4: 'depthwise',
  6: 'widen',
  14: 'logistic',
  18: 'multiply',
  19: 'relu',
  23: 'enlarge',
  40: 'mean',
  117: 'hard_swish',
}
const EMPTY = new DataView(new ArrayBuffer(0))

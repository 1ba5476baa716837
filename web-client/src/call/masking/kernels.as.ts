// What costs time in the network, as WebAssembly with vector instructions. AssemblyScript;
// kernels.test.ts compiles it and says when kernels.wasm is not what comes out.
//
// Everything is 32-bit float, rows of pixels, channels innermost; the number of output channels is a
// multiple of 8. `act` is what becomes of each result: 0 nothing, 1 not below zero, 2 hard swish.

/** The first byte that is free: before it stands what the kernels themselves need. */
export function firstFree(): usize {
  return __heap_base
}

@inline
function activate(x: v128, act: i32): v128 {
  if (act == 0) return x
  const zero = f32x4.splat(0)
  if (act == 1) return f32x4.max(x, zero)
  const six = f32x4.splat(6)
  const gate = f32x4.min(f32x4.max(f32x4.add(x, f32x4.splat(3)), zero), six)
  return f32x4.div(f32x4.mul(x, gate), six)
}

/** Bytes of red, green, blue, alpha to floats of red, green, blue between 0 and 1. */
export function normalise(rgba: usize, output: usize, pixels: i32): void {
  for (let i = 0; i < pixels; i++) {
    store<f32>(output, <f32>load<u8>(rgba) / 255)
    store<f32>(output, <f32>load<u8>(rgba, 1) / 255, 4)
    store<f32>(output, <f32>load<u8>(rgba, 2) / 255, 8)
    rgba += 4
    output += 12
  }
}

/** Lays the window around each output pixel in a row, so that a convolution becomes pointwise. */
export function windows(
  input: usize, output: usize, height: i32, width: i32, channels: i32,
  size: i32, stride: i32, top: i32, left: i32, outHeight: i32, outWidth: i32,
): void {
  const bytes = <usize>channels << 2
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      for (let dy = 0; dy < size; dy++) {
        const row = y * stride + dy - top
        for (let dx = 0; dx < size; dx++) {
          const column = x * stride + dx - left
          const inside = row >= 0 && row < height && column >= 0 && column < width
          const from = input + <usize>(row * width + column) * bytes
          for (let c: usize = 0; c < bytes; c += 4) {
            store<f32>(output + c, inside ? load<f32>(from + c) : 0)
          }
          output += bytes
        }
      }
    }
  }
}

/** A convolution of one pixel: `weights` are rows of output channels, one for each input channel. */
export function pointwise(
  input: usize, weights: usize, bias: usize, output: usize,
  pixels: i32, inChannels: i32, outChannels: i32, act: i32,
): void {
  const inBytes = <usize>inChannels << 2
  const outBytes = <usize>outChannels << 2
  let pixel = 0
  // Four pixels and eight channels at a time stay in registers.
  for (; pixel + 4 <= pixels; pixel += 4) {
    const row = input + <usize>pixel * inBytes
    const to = output + <usize>pixel * outBytes
    for (let o: usize = 0; o < outBytes; o += 32) {
      let a0 = v128.load(bias + o)
      let b0 = v128.load(bias + o, 16)
      let a1 = a0, a2 = a0, a3 = a0
      let b1 = b0, b2 = b0, b3 = b0
      let w = weights + o
      let p = row
      const end = row + inBytes
      while (p < end) {
        const u = v128.load(w)
        const v = v128.load(w, 16)
        const x0 = v128.load_splat<f32>(p)
        const x1 = v128.load_splat<f32>(p + inBytes)
        const x2 = v128.load_splat<f32>(p + 2 * inBytes)
        const x3 = v128.load_splat<f32>(p + 3 * inBytes)
        a0 = f32x4.add(a0, f32x4.mul(x0, u))
        b0 = f32x4.add(b0, f32x4.mul(x0, v))
        a1 = f32x4.add(a1, f32x4.mul(x1, u))
        b1 = f32x4.add(b1, f32x4.mul(x1, v))
        a2 = f32x4.add(a2, f32x4.mul(x2, u))
        b2 = f32x4.add(b2, f32x4.mul(x2, v))
        a3 = f32x4.add(a3, f32x4.mul(x3, u))
        b3 = f32x4.add(b3, f32x4.mul(x3, v))
        p += 4
        w += outBytes
      }
      let at = to + o
      v128.store(at, activate(a0, act))
      v128.store(at, activate(b0, act), 16)
      at += outBytes
      v128.store(at, activate(a1, act))
      v128.store(at, activate(b1, act), 16)
      at += outBytes
      v128.store(at, activate(a2, act))
      v128.store(at, activate(b2, act), 16)
      at += outBytes
      v128.store(at, activate(a3, act))
      v128.store(at, activate(b3, act), 16)
    }
  }
  for (; pixel < pixels; pixel++) {
    const row = input + <usize>pixel * inBytes
    const to = output + <usize>pixel * outBytes
    for (let o: usize = 0; o < outBytes; o += 32) {
      let a = v128.load(bias + o)
      let b = v128.load(bias + o, 16)
      let w = weights + o
      for (let k: usize = 0; k < inBytes; k += 4) {
        const x = v128.load_splat<f32>(row + k)
        a = f32x4.add(a, f32x4.mul(x, v128.load(w)))
        b = f32x4.add(b, f32x4.mul(x, v128.load(w, 16)))
        w += outBytes
      }
      v128.store(to + o, activate(a, act))
      v128.store(to + o, activate(b, act), 16)
    }
  }
}

/** A convolution of each channel by itself. */
export function depthwise(
  input: usize, weights: usize, bias: usize, output: usize, height: i32, width: i32, channels: i32,
  size: i32, stride: i32, top: i32, left: i32, outHeight: i32, outWidth: i32, act: i32,
): void {
  const bytes = <usize>channels << 2
  for (let y = 0; y < outHeight; y++) {
    const y0 = y * stride - top
    const firstRow = max(0, -y0)
    const lastRow = min(size, height - y0)
    for (let x = 0; x < outWidth; x++) {
      const x0 = x * stride - left
      const firstColumn = max(0, -x0)
      const lastColumn = min(size, width - x0)
      for (let c: usize = 0; c < bytes; c += 16) {
        let sum = v128.load(bias + c)
        for (let dy = firstRow; dy < lastRow; dy++) {
          let from = input + <usize>((y0 + dy) * width + x0 + firstColumn) * bytes + c
          let w = weights + <usize>(dy * size + firstColumn) * bytes + c
          for (let dx = firstColumn; dx < lastColumn; dx++) {
            sum = f32x4.add(sum, f32x4.mul(v128.load(from), v128.load(w)))
            from += bytes
            w += bytes
          }
        }
        v128.store(output + c, activate(sum, act))
      }
      output += bytes
    }
  }
}

/** Mean of each channel over all pixels. */
export function mean(input: usize, output: usize, pixels: i32, channels: i32): void {
  const bytes = <usize>channels << 2
  const share = f32x4.splat(1 / <f32>pixels)
  for (let c: usize = 0; c < bytes; c += 16) {
    let sum = f32x4.splat(0)
    let from = input + c
    for (let i = 0; i < pixels; i++) {
      sum = f32x4.add(sum, v128.load(from))
      from += bytes
    }
    v128.store(output + c, f32x4.mul(sum, share))
  }
}

/** Sum of two, number by number; `count` is a multiple of 4. */
export function add(one: usize, other: usize, output: usize, count: i32): void {
  for (let i: usize = 0; i < <usize>count << 2; i += 16) {
    v128.store(output + i, f32x4.add(v128.load(one + i), v128.load(other + i)))
  }
}

/** Each channel times its own factor. */
export function scale(input: usize, factors: usize, output: usize, pixels: i32, channels: i32): void {
  const bytes = <usize>channels << 2
  for (let i = 0; i < pixels; i++) {
    for (let c: usize = 0; c < bytes; c += 16) {
      v128.store(output + c, f32x4.mul(v128.load(input + c), v128.load(factors + c)))
    }
    input += bytes
    output += bytes
  }
}

/** What an activation that stands alone makes of `count` numbers, a multiple of 4. */
export function activation(input: usize, output: usize, count: i32, act: i32): void {
  for (let i: usize = 0; i < <usize>count << 2; i += 16) {
    v128.store(output + i, activate(v128.load(input + i), act))
  }
}

/** Any number to one between 0 and 1. */
export function logistic(input: usize, output: usize, count: i32): void {
  for (let i: usize = 0; i < <usize>count << 2; i += 4) {
    store<f32>(output + i, 1 / (1 + Mathf.exp(-load<f32>(input + i))))
  }
}

/** Twice the size both ways, each new pixel between its neighbours (half-pixel centres). */
export function enlarge(input: usize, output: usize, height: i32, width: i32, channels: i32): void {
  const bytes = <usize>channels << 2
  for (let y = 0; y < 2 * height; y++) {
    const near = y >> 1
    const far = min(max((y & 1) ? near + 1 : near - 1, 0), height - 1)
    for (let x = 0; x < 2 * width; x++) {
      const close = x >> 1
      const distant = min(max((x & 1) ? close + 1 : close - 1, 0), width - 1)
      const nn = input + <usize>(near * width + close) * bytes
      const nf = input + <usize>(near * width + distant) * bytes
      const fn = input + <usize>(far * width + close) * bytes
      const ff = input + <usize>(far * width + distant) * bytes
      for (let c: usize = 0; c < bytes; c += 16) {
        let sum = f32x4.mul(v128.load(nn + c), f32x4.splat(0.5625))
        sum = f32x4.add(sum, f32x4.mul(f32x4.add(v128.load(nf + c), v128.load(fn + c)), f32x4.splat(0.1875)))
        sum = f32x4.add(sum, f32x4.mul(v128.load(ff + c), f32x4.splat(0.0625)))
        v128.store(output + c, sum)
      }
      output += bytes
    }
  }
}

/** The last step: each pixel becomes two by two, of one channel. */
export function unfold(input: usize, weights: usize, bias: usize, output: usize, height: i32, width: i32, channels: i32): void {
  const bytes = <usize>channels << 2
  const start = load<f32>(bias)
  for (let y = 0; y < 2 * height; y++) {
    for (let x = 0; x < 2 * width; x++) {
      const from = input + <usize>((y >> 1) * width + (x >> 1)) * bytes
      const w = weights + <usize>((y & 1) * 2 + (x & 1)) * bytes
      let sum = f32x4.splat(0)
      for (let c: usize = 0; c < bytes; c += 16) sum = f32x4.add(sum, f32x4.mul(v128.load(from + c), v128.load(w + c)))
      store<f32>(
        output,
        start + f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1) + f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3),
      )
      output += 4
    }
  }
}

// Bytes that are put together and taken apart. All integers are big endian.

/** Bytes that WebCrypto takes. */
export type Bytes = Uint8Array<ArrayBuffer>

/** One behind the other; texts are ASCII, without terminator. */
export function concat(...parts: readonly (Uint8Array | string)[]): Bytes {
  const all = parts.map((part) => (typeof part === 'string' ? ENCODER.encode(part) : part))
  const whole = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of all) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Two bytes. */
export function u16(value: number): Bytes {
  const bytes = new Uint8Array(2)
  new DataView(bytes.buffer).setUint16(0, value)
  return bytes
}

/** Four bytes. */
export function u32(value: number): Bytes {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** Eight bytes of a whole number. */
export function u64(value: number): Bytes {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes
}

/** True where both are the same bytes. Not for secrets: it takes longer the later they differ. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/** Takes bytes apart from the front; throws `RangeError` where they end too soon. */
export class Reader {
  private at = 0

  constructor(private readonly bytes: Uint8Array) {}

  /** The next `length` bytes. */
  take(length: number): Bytes {
    if (this.bytes.length - this.at < length) throw new RangeError('cut')
    this.at += length
    return this.bytes.slice(this.at - length, this.at)
  }

  /** The next byte. */
  u8(): number {
    return this.view(1).getUint8(0)
  }

  /** The next four bytes. */
  u32(): number {
    return this.view(4).getUint32(0)
  }

  /** The next eight bytes; those beyond 2^53 are no number of ours. */
  u64(): number {
    const value = this.view(8).getBigUint64(0)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError('too large')
    return Number(value)
  }

  /** Throws where bytes are left over. */
  end(): void {
    if (this.at !== this.bytes.length) throw new RangeError('bytes left over')
  }

  private view(length: number): DataView {
    return new DataView(this.take(length).buffer)
  }
}

const ENCODER = new TextEncoder()

// Ed25519 keys (RFC 8032) made of a seed, as browsers have them.

/** A key that signs. */
export interface SigningKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>
  /** Signs; 64 bytes. */
  sign(text: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
}

/** The key of a seed of 32 bytes. Rejects in a browser without Ed25519. */
export async function signingKeyOf(seed: Uint8Array<ArrayBuffer>): Promise<SigningKey> {
  const pkcs8 = Uint8Array.from([...PKCS8_PREFIX, ...seed])
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign'])
  const { x = '' } = await crypto.subtle.exportKey('jwk', key)
  return {
    publicKey: Uint8Array.from(atob(x.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0)),
    sign: async (text) => new Uint8Array(await crypto.subtle.sign('Ed25519', key, text)),
  }
}

/** True where `signature` over `text` is the key's; false also for what is no key. */
export async function verifies(
  publicKey: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  text: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey('raw', publicKey, 'Ed25519', false, ['verify'])
    return await crypto.subtle.verify('Ed25519', key, signature, text)
  } catch {
    return false
  }
}

/** What stands before the seed in a PKCS #8 key of Ed25519 (RFC 8410, section 7). */
const PKCS8_PREFIX = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]

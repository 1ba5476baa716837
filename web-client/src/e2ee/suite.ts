// Ciphersuite 1 of MLS, its hash and its key derivation computed on the spot. WebCrypto does each in
// another thread, and an epoch of thirty takes hundreds of them, of a few bytes each and one after the
// other: the way there and back took most of the time that new keys took.

import { expand, extract } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { type CiphersuiteImpl, type CiphersuiteName, getCiphersuiteFromName, getCiphersuiteImpl } from 'ts-mls'

/** The one ciphersuite of ours. */
export const SUITE: CiphersuiteName = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'

let loading: Promise<CiphersuiteImpl> | undefined

/** What computes it; made once. */
export function suite(): Promise<CiphersuiteImpl> {
  loading ??= getCiphersuiteImpl(getCiphersuiteFromName(SUITE)).then((whole) => ({
    ...whole,
    hash: { ...whole.hash, digest, mac },
    kdf: KDF,
  }))
  return loading
}

const digest: CiphersuiteImpl['hash']['digest'] = (data) => Promise.resolve(sha256(data))
const mac: CiphersuiteImpl['hash']['mac'] = (key, data) => Promise.resolve(hmac(sha256, key, data))

const KDF: CiphersuiteImpl['kdf'] = {
  extract: (salt, secret) => Promise.resolve(extract(sha256, secret, salt)),
  expand: (key, info, length) => Promise.resolve(expand(sha256, key, info, length)),
  size: sha256.outputLen,
}

// Whether this browser can do what an encrypted room needs. One that cannot is told why, and is never
// let in without encryption.

/** What a browser lacks. */
export type Lack =
  /** The page came by an address that browsers do not trust with keys. */
  | 'insecure_context'
  /** Ed25519 or X25519 in WebCrypto. */
  | 'curves'
  /** Access to frames: `RTCRtpScriptTransform`. */
  | 'frames'
  /** Whole frames of any codec; the room was made for browsers that have them. */
  | 'raw'

/** The same, as a problem that people are told. */
export type EncryptionProblem = 'encryption_no_curves' | 'encryption_no_frames' | 'encryption_no_raw'

/** Why this browser cannot take part; `null` when it can. */
export async function whyNoEncryption(flags: { readonly raw: boolean }): Promise<EncryptionProblem | 'insecure_context' | null> {
  const lack = await lackOf(flags)
  return lack === null || lack === 'insecure_context' ? lack : `encryption_no_${lack}`
}

/** What this browser lacks for an encrypted room; `null` where it lacks nothing. */
export async function lackOf({ raw }: { readonly raw: boolean }): Promise<Lack | null> {
  if (!globalThis.isSecureContext) return 'insecure_context'
  try {
    await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])
    await crypto.subtle.generateKey('X25519', false, ['deriveBits'])
  } catch {
    return 'curves'
  }
  if (!('RTCRtpScriptTransform' in globalThis)) return 'frames'
  // Only Chromium sends frames of any codec as they are; it is also the one that lets header
  // extensions be chosen.
  return raw && !('setHeaderExtensionsToNegotiate' in RTCRtpTransceiver.prototype) ? 'raw' : null
}

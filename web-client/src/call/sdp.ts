// What of an offer the server needs. Browsers write some 6 kB per slot, repeat the transport in
// every section, and name their local addresses; the server reads little of it and a message has
// 64 KiB. Pure text work.

/**
 * An offer without what the server never reads. Sections after the first keep no transport
 * attributes: they are those of the first, the tagged one of the bundle (RFC 8843, section 7.1.3).
 * Addresses of this machine are left out: an ICE-lite server learns what it must from the checks.
 */
export function compactOffer(sdp: string): string {
  const [session = '', ...sections] = sdp.split(/\r\n(?=m=)/)
  const kept = sections.map((section, index) => compactSection(section.split('\r\n'), index === 0))
  return [...session.split('\r\n').filter(isSessionLine), ...kept.flat(), ''].join('\r\n')
}

function isSessionLine(line: string): boolean {
  return /^[vost]=|^a=(group|extmap-allow-mixed|fingerprint|ice-options|setup)\b/.test(line)
}

function compactSection(lines: readonly string[], tagged: boolean): string[] {
  const sends = lines.includes('a=sendonly') || lines.includes('a=sendrecv')
  return lines.flatMap((line) => {
    // A port of 0 means something (rejected, or bundle-only); another one names an address.
    if (line.startsWith('m=')) return [line.replace(/^(m=\w+) [1-9]\d* /, '$1 9 ')]
    if (line.startsWith('c=')) return ['c=IN IP4 0.0.0.0']
    const name = /^a=([\w-]+)/.exec(line)?.[1] ?? ''
    const keep =
      SECTION_ATTRIBUTES.has(name) ||
      (tagged && TRANSPORT_ATTRIBUTES.has(name)) ||
      (sends && SENDING_ATTRIBUTES.has(name)) ||
      (name === 'rtcp-fb' && !line.endsWith(' goog-remb')) ||
      (name === 'extmap' && isUsedExtension(line, sends))
    return keep ? [line] : []
  })
}

function isUsedExtension(line: string, sends: boolean): boolean {
  const uri = line.split(' ')[1] ?? ''
  return EXTENSIONS.has(uri) || (sends && SENDING_EXTENSIONS.has(uri))
}

const SECTION_ATTRIBUTES = new Set(
  'mid sendonly recvonly sendrecv inactive rtcp-mux rtcp-rsize bundle-only rtpmap fmtp'.split(' '),
)
const TRANSPORT_ATTRIBUTES = new Set('ice-ufrag ice-pwd ice-options fingerprint setup'.split(' '))
const SENDING_ATTRIBUTES = new Set('rid simulcast ssrc ssrc-group'.split(' '))

/** Header extensions the server speaks on what it sends. */
const EXTENSIONS = new Set([
  'urn:ietf:params:rtp-hdrext:sdes:mid',
  'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
])
/** And those it reads of simulcast layers. */
const SENDING_EXTENSIONS = new Set([
  'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
])

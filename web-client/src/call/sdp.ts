// What of an offer the server needs. Browsers write some 6 kB per slot, repeat the transport in
// every section, and name their local addresses; the server reads little of it and a message has
// 64 KiB. Pure text work.

/**
 * An offer without what the server never reads. The transport, the same for the whole bundle, is
 * told once for the session (RFC 8839 section 5.4, RFC 8122 section 5). Addresses of this machine
 * are left out: an ICE-lite server learns what it must from the connectivity checks.
 */
export function compactOffer(sdp: string): string {
  const [head = [], ...sections] = sdp.split(/\r\n(?=m=)/).map((part) => part.split('\r\n'))
  const transport = new Set([...head, ...(sections[0] ?? [])].filter(isTransportLine))
  const session = head.filter((line) => /^[vost]=|^a=(group|extmap-allow-mixed)\b/.test(line))
  return [...session, ...transport, ...sections.flatMap(compactSection), ''].join('\r\n')
}

/**
 * An answer whose candidates are the more preferred the more often ICE was restarted. The priority
 * of a pair follows the lower of its two candidates (RFC 8445 section 6.1.2.3): a browser then moves
 * to the pair of the latest restart as soon as that one works, where it would else hold on to a
 * dead pair of a network it likes better for seconds. `generation` counts the restarts.
 */
export function preferLatest(sdp: string, generation: number): string {
  let order = 0
  return sdp.replace(
    /^(a=candidate:\S+ \d+ \S+) \d+ /gm,
    (_, head: string) => `${head} ${LOWEST_PRIORITY + generation * PRIORITY_STEP - order++} `,
  )
}

/** A description that lets whole frames of any codec travel: its payload types of pictures are packed as
 * they are, whatever is in them. */
export function packRaw(sdp: string): string {
  return sdp
    .split(/\r\n(?=m=)/)
    .map((section) => {
      if (!section.startsWith('m=video')) return section
      const types = [...section.matchAll(/^a=rtpmap:(\d+) ([\w-]+)\//gm)].filter(([, , name = '']) => !/^(rtx|red|ulpfec|flexfec-03)$/i.test(name))
      const lines = types.map(([, type = '']) => `a=packetization:${type} raw`).filter((line) => !section.includes(line))
      return lines.length === 0 ? section : `${section.replace(/\r\n$/, '')}\r\n${lines.join('\r\n')}${section.endsWith('\r\n') ? '\r\n' : ''}`
    })
    .join('\r\n')
}

/** The codecs of each section of a description, as MIME types by payload type, by `mid`. */
export function codecsBySection(sdp: string): ReadonlyMap<string, ReadonlyMap<number, string>> {
  const found = new Map<string, ReadonlyMap<number, string>>()
  for (const section of sdp.split(/\r\n(?=m=)/).slice(1)) {
    const kind = /^m=(\w+)/.exec(section)?.[1] ?? ''
    const mid = /^a=mid:(\S+)/m.exec(section)?.[1]
    const types = [...section.matchAll(/^a=rtpmap:(\d+) ([\w-]+)\//gm)]
    if (mid !== undefined) found.set(mid, new Map(types.map(([, type, name = '']) => [Number(type), `${kind}/${name}`])))
  }
  return found
}

/** Where a server's answer wants media sent, from its candidates (RFC 8839 section 5.1). */
export function placesOf(sdp: string): { address: string; port: number }[] {
  const places = new Map<string, { address: string; port: number }>()
  for (const [, address = '', port = ''] of sdp.matchAll(/^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) /gim)) {
    places.set(`${address} ${port}`, { address, port: Number(port) })
  }
  return [...places.values()]
}

/** An answer with its candidates of one transport alone, and where an `address` is given with those of
 * that address; `null` where it has none. */
export function candidatesBy(sdp: string, transport: 'udp' | 'tcp', address?: string): string | null {
  let kept = 0
  const text = sdp.replace(/^a=candidate:\S+ \d+ (\S+) \d+ (\S+) [^\n]*\n/gim, (line, of: string, at: string) => {
    if (of.toLowerCase() !== transport || (address !== undefined && at !== address)) return ''
    kept += 1
    return line
  })
  return kept === 0 ? null : text
}

/** The sections of an answer in which pictures go out in layers of one encoding, by `mid`: those
 * whose first codec is not VP8 and whose packets describe their dependencies. */
export function layeredSections(sdp: string): ReadonlySet<string> {
  const found = new Set<string>()
  for (const section of sdp.split(/\r\n(?=m=)/).slice(1)) {
    const first = /^m=video \d+ \S+ (\d+)/.exec(section)?.[1] ?? ''
    const codec = new RegExp(`^a=rtpmap:${first} ([\\w-]+)/`, 'm').exec(section)?.[1] ?? ''
    const mid = /^a=mid:(\S+)/m.exec(section)?.[1]
    const isDescribed = section.split('\r\n').some((line) => line.startsWith('a=extmap:') && line.endsWith(` ${DEPENDENCY}`))
    if (mid !== undefined && isDescribed && /^(vp9|av1)$/i.test(codec)) found.add(mid)
  }
  return found
}

function isTransportLine(line: string): boolean {
  return /^a=(ice-ufrag|ice-pwd|ice-options|fingerprint|setup):/.test(line)
}

function compactSection(lines: readonly string[]): string[] {
  const sends = lines.includes('a=sendonly') || lines.includes('a=sendrecv')
  const formats = new Set(lines[0]?.split(' ').slice(3))
  return lines.flatMap((line) => {
    // A port of 0 means something (rejected, or bundle-only); another one names an address.
    if (line.startsWith('m=')) return [line.replace(/^(m=\w+) [1-9]\d* /, '$1 9 ')]
    if (line.startsWith('c=')) return ['c=IN IP4 0.0.0.0']
    const name = /^a=([\w-]+)/.exec(line)?.[1] ?? ''
    const keep =
      SECTION_ATTRIBUTES.has(name) ||
      (sends && SENDING_ATTRIBUTES.has(name) && !line.includes(' msid:')) ||
      (name === 'rtcp-fb' && !line.endsWith(' goog-remb') && formats.has(formatOf(line))) ||
      (name === 'extmap' && isUsedExtension(line, sends))
    return keep ? [line] : []
  })
}

/** The payload type of `a=rtcp-fb:96 nack`. Firefox writes feedback also for formats it left out. */
function formatOf(line: string): string {
  return line.slice(line.indexOf(':') + 1).split(' ')[0] ?? ''
}

function isUsedExtension(line: string, sends: boolean): boolean {
  const uri = line.split(' ')[1] ?? ''
  return EXTENSIONS.has(uri) || (sends && SENDING_EXTENSIONS.has(uri))
}

/** Below what browsers give their own candidates, so that ours decides. */
const LOWEST_PRIORITY = 1_000_000
/** More than the candidates of a server. */
const PRIORITY_STEP = 1_000

const SECTION_ATTRIBUTES = new Set(
  'mid sendonly recvonly sendrecv inactive rtcp-mux rtcp-rsize bundle-only rtpmap fmtp packetization extmap-allow-mixed'.split(' '),
)
const SENDING_ATTRIBUTES = new Set('rid simulcast ssrc ssrc-group'.split(' '))

/** Says of each packet which frame it belongs to and what that frame needs (AV1 RTP specification,
 * appendix A). */
export const DEPENDENCY = 'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension'

/** Header extensions the server speaks on what it sends. */
const EXTENSIONS = new Set([
  'urn:ietf:params:rtp-hdrext:sdes:mid',
  'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  DEPENDENCY,
])
/** And those it reads of simulcast layers. */
const SENDING_EXTENSIONS = new Set([
  'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
])

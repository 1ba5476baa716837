import { describe, expect, it } from 'vitest'
import { codecsBySection, candidatesBy, compactOffer, DEPENDENCY, layeredSections, packRaw, placesOf, preferLatest } from './sdp'

const OFFER = [
  'v=0',
  'o=- 42 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0 1 2',
  'a=msid-semantic: WMS',
  'm=audio 54321 UDP/TLS/RTP/SAVPF 111 63',
  'c=IN IP4 192.0.2.77',
  'a=rtcp:9 IN IP4 0.0.0.0',
  'a=candidate:1 1 udp 2122260223 192.0.2.77 54321 typ host',
  'a=ice-ufrag:SUwp',
  'a=ice-pwd:z10lrRh0PUC8thndBWS6/uMJ',
  'a=fingerprint:sha-256 D3:39',
  'a=setup:actpass',
  'a=mid:0',
  'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  'a=extmap:9 urn:3gpp:video-orientation',
  'a=sendonly',
  'a=rtcp-mux',
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=ssrc:41 cname:x',
  'a=ssrc:41 msid:- 4eb0',
  'm=video 9 UDP/TLS/RTP/SAVPF 96 97',
  'c=IN IP4 0.0.0.0',
  'a=ice-ufrag:SUwp',
  'a=fingerprint:sha-256 D3:39',
  'a=mid:1',
  'a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'a=sendonly',
  'a=rtpmap:96 VP8/90000',
  'a=rtcp-fb:96 goog-remb',
  'a=rtcp-fb:96 nack pli',
  'a=rtcp-fb:121 nack pli',
  'a=rid:h send',
  'a=simulcast:send h',
  'm=video 0 UDP/TLS/RTP/SAVPF 96 97',
  'c=IN IP4 0.0.0.0',
  'a=bundle-only',
  'a=mid:2',
  'a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'a=recvonly',
  'a=ssrc:43 cname:x',
  '',
].join('\r\n')

describe('a compact offer', () => {
  const compact = compactOffer(OFFER)
  const [session = '', first = '', second = '', third = ''] = compact.split('m=')

  it('names no address of this machine', () => {
    expect(compact).not.toContain('192.0.2.77')
    expect(compact).not.toContain('54321')
  })

  it('tells the transport once, for the session', () => {
    for (const line of ['a=ice-ufrag:SUwp', 'a=fingerprint:sha-256 D3:39', 'a=setup:actpass']) {
      expect(session).toContain(line)
      expect(compact.split(line)).toHaveLength(2)
    }
  })

  it('keeps what describes the media', () => {
    for (const line of ['a=mid:0', 'a=rtpmap:111 opus/48000/2', 'a=ssrc:41 cname:x', 'a=sendonly']) {
      expect(first).toContain(line)
    }
    expect(second).toContain('a=rid:h send')
    expect(second).toContain('sdes:rtp-stream-id')
    expect(second).toContain('a=rtcp-fb:96 nack pli')
  })

  it('keeps a port of 0 and bundle-only, which mean something', () => {
    expect(third).toContain('video 0 ')
    expect(third).toContain('a=bundle-only')
  })

  it('leaves out what the server never reads', () => {
    expect(compact).not.toMatch(/video-orientation|goog-remb|a=rtcp:|msid|rtcp-fb:121/)
    expect(third).not.toMatch(/stream-id|ssrc/)
  })

  it('ends its lines as a session description must', () => {
    expect(compact.endsWith('\r\n')).toBe(true)
    expect(compact).not.toContain('\r\n\r\n')
  })
})

describe('layers in an answer', () => {
  const section = (codec: string, uri: string) =>
    `m=video 9 UDP/TLS/RTP/SAVPF 98 99\r\na=mid:1\r\na=extmap:12 ${uri}\r\na=rtpmap:98 ${codec}/90000\r\na=rtpmap:99 rtx/90000`
  const layered = (codec: string, uri = DEPENDENCY) => [...layeredSections(`v=0\r\n${section(codec, uri)}\r\n`)]

  it('are sent where the codec has them and packets describe them', () => {
    expect(layered('VP9')).toEqual(['1'])
    expect(layered('AV1')).toEqual(['1'])
  })

  it('are not sent otherwise', () => {
    expect(layered('VP8')).toEqual([])
    expect(layered('VP9', 'urn:ietf:params:rtp-hdrext:sdes:mid')).toEqual([])
  })
})

describe('places of an answer', () => {
  it('are the addresses of its candidates, each once', () => {
    const candidate = (address: string) => `a=candidate:1 1 udp 2130706431 ${address} 8443 typ host\r\n`
    const sdp = `v=0\r\n${candidate('192.0.2.7')}a=end-of-candidates\r\nm=audio 9\r\n${candidate('192.0.2.7')}${candidate('2001:db8::7')}`
    expect(placesOf(sdp)).toEqual([
      { address: '192.0.2.7', port: 8443 },
      { address: '2001:db8::7', port: 8443 },
    ])
  })
})

describe('candidates of one transport', () => {
  const udp = 'a=candidate:1 1 udp 2130706431 192.0.2.7 8443 typ host\r\n'
  const tcp = 'a=candidate:2 1 tcp 1520435199 192.0.2.7 443 typ host tcptype passive\r\n'

  it('are kept, and no others', () => {
    const end = 'a=end-of-candidates\r\n'
    expect(candidatesBy(`v=0\r\n${udp}${tcp}${end}`, 'udp')).toBe(`v=0\r\n${udp}${end}`)
    expect(candidatesBy(`v=0\r\n${udp}${tcp}${end}`, 'tcp')).toBe(`v=0\r\n${tcp}${end}`)
    expect(candidatesBy(`v=0\r\n${udp}${end}`, 'tcp')).toBeNull()
    const elsewhere = udp.replace('192.0.2.7', '2001:db8::7')
    expect(candidatesBy(`v=0\r\n${udp}${elsewhere}`, 'udp', '2001:db8::7')).toBe(`v=0\r\n${elsewhere}`)
    expect(candidatesBy(`v=0\r\n${udp}`, 'udp', '192.0.2.8')).toBeNull()
  })
})

describe('candidates of an answer', () => {
  const sdp = ['192.0.2.7', '192.0.2.8'].map((address) => `a=candidate:1 1 udp 2130706431 ${address} 8443 typ host`).join('\r\n')
  const priorities = (generation: number) =>
    [...preferLatest(sdp, generation).matchAll(/ udp (\d+) /g)].map(([, priority]) => Number(priority))

  it('keep their order and gain with each restart', () => {
    const [first = 0, second = 0] = priorities(0)
    expect(first).toBeGreaterThan(second)
    expect(Math.min(...priorities(1))).toBeGreaterThan(first)
    expect(priorities(1)).toEqual(priorities(1))
    expect(first).toBeLessThan(1 << 24)
  })

  it('are otherwise as they were', () => {
    expect(preferLatest(sdp, 3).replaceAll(/ udp \d+ /g, ' ')).toBe(sdp.replaceAll(/ udp \d+ /g, ' '))
  })
})

describe('descriptions of an encrypted room', () => {
  const sections = [
    ['v=0', 's=-'],
    ['m=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', 'a=rtpmap:111 opus/48000/2'],
    ['m=video 9 UDP/TLS/RTP/SAVPF 96 97 98', 'a=mid:1', 'a=rtpmap:96 VP8/90000', 'a=rtpmap:97 rtx/90000', 'a=fmtp:97 apt=96', 'a=rtpmap:98 AV1/90000'],
    ['m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:2', 'a=rtpmap:96 VP8/90000', ''],
  ]
  const sdp = sections.map((lines) => lines.join('\r\n')).join('\r\n')

  it('say of each codec of pictures, and of nothing else, that it travels as it is', () => {
    const packed = packRaw(sdp)
    expect(packed.match(/a=packetization:.*/g)).toEqual(['a=packetization:96 raw', 'a=packetization:98 raw', 'a=packetization:96 raw'])
    expect(packRaw(packed)).toBe(packed)
    expect(packed.replaceAll(/a=packetization:\d+ raw\r\n/g, '')).toBe(sdp)
    expect(compactOffer(packed)).toContain('a=packetization:98 raw')
  })

  it('tell which codec a payload type is', () => {
    const codecs = codecsBySection(sdp)
    expect([...codecs.keys()]).toEqual(['0', '1', '2'])
    expect(codecs.get('0')).toEqual(new Map([[111, 'audio/opus']]))
    expect(codecs.get('1')).toEqual(new Map([[96, 'video/VP8'], [97, 'video/rtx'], [98, 'video/AV1']]))
  })
})

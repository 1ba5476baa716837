import { expect, it } from 'vitest'
import { codecsOf } from './codecs'

const video = (name: string, sdpFmtpLine?: string): RTCRtpCodec => ({
  mimeType: `video/${name}`,
  clockRate: 90_000,
  ...(sdpFmtpLine === undefined ? {} : { sdpFmtpLine }),
})

const offered = (codecs: RTCRtpCodec[]): (string | undefined)[] =>
  codecsOf({ codecs, headerExtensions: [] }).map(
    ({ mimeType, sdpFmtpLine }) => `${mimeType} ${sdpFmtpLine ?? ''}`,
  )

it('offers one profile of each codec the server speaks, as Chromium lists them', () => {
  const codecs = [
    video('VP8'),
    video('rtx'),
    video('VP9', 'profile-id=0'),
    video('VP9', 'profile-id=2'),
    video('H264', 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f'),
    video('H264', 'level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f'),
    video('H264', 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f'),
    video('AV1', 'level-idx=5;profile=0;tier=0'),
    video('AV1', 'level-idx=5;profile=1;tier=0'),
    video('red'),
    video('ulpfec'),
  ]
  expect(offered(codecs)).toEqual([
    'video/VP8 ',
    'video/rtx ',
    'video/VP9 profile-id=0',
    'video/H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
    'video/AV1 level-idx=5;profile=0;tier=0',
  ])
})

it('takes a codec without parameters for its first profile, as Firefox lists them', () => {
  const codecs = [video('VP8', 'max-fs=12288;max-fr=60'), video('VP9', 'max-fs=12288;max-fr=60'), video('AV1')]
  expect(offered(codecs)).toHaveLength(3)
})

it('offers nothing where there is nothing', () => {
  expect(codecsOf(null)).toEqual([])
})

it('offers to an encrypted room what its packets can carry', () => {
  const codecs = [video('VP8'), video('rtx'), video('VP9', 'profile-id=0'), video('H264', 'packetization-mode=1;profile-level-id=42e01f'), video('AV1', 'profile=0')]
  const sound = ['opus', 'red'].map((name) => ({ mimeType: `audio/${name}`, clockRate: 48_000 }))
  const names = (mode: 'clear' | 'plain' | 'raw') => codecsOf({ codecs: [...codecs, ...sound], headerExtensions: [] }, mode).map(({ mimeType }) => mimeType.split('/')[1])
  expect(names('clear')).toEqual(['VP8', 'rtx', 'VP9', 'H264', 'AV1', 'opus', 'red'])
  expect(names('plain')).toEqual(['VP8', 'rtx', 'VP9', 'opus'])
  expect(names('raw')).toEqual(['VP8', 'rtx', 'VP9', 'H264', 'AV1', 'opus'])
})

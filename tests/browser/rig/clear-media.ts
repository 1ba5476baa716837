import type { TestPage } from './page.ts'
import type { Ground } from './rule.ts'
import type { Message, RogueServer } from './rogue.ts'

/** In a page: answers offers as a server that sends a camera and a microphone of its own, in clear, into
 * every section that receives. */
const SENDER = `(() => {
  const media = navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } })
  const connections = new Map()
  globalThis.__clear = {
    answer: async (sdp) => {
      const stream = await media
      const name = /^o=(.*? .*?) /m.exec(sdp)[1]
      const pc = connections.get(name) ?? new RTCPeerConnection()
      connections.set(name, pc)
      await pc.setRemoteDescription({ type: 'offer', sdp })
      for (const transceiver of pc.getTransceivers()) {
        const { kind } = transceiver.receiver.track
        const [track] = kind === 'audio' ? stream.getAudioTracks() : stream.getVideoTracks()
        const section = sdp.split('\\r\\nm=').find((one) => one.includes('a=mid:' + transceiver.mid + '\\r\\n'))
        if (!section.includes('a=recvonly')) continue
        transceiver.direction = 'sendonly'
        await transceiver.sender.replaceTrack(track)
      }
      const gathered = new Promise((resolve) => {
        pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && resolve())
      })
      await pc.setLocalDescription(await pc.createAnswer())
      if (pc.iceGatheringState !== 'complete') await gathered
      return pc.localDescription.sdp
    },
    silence: async () => {
      for (const track of (await media).getAudioTracks()) track.enabled = false
    },
  }
})()`

/** Media of a rogue server: what it sends to pages that ask for a connection from now on was sealed by nobody. */
export class ClearMedia {
  private constructor(private readonly page: TestPage) {}

  /** Takes the place of the honest server's media. */
  static async instead(ground: Ground, rogue: RogueServer): Promise<ClearMedia> {
    const page = await ground.page()
    await page.goto(rogue.origin)
    await page.evaluate(SENDER)
    const media = new ClearMedia(page)
    rogue.answer = (asked) => {
      if (asked.type === 'offer') return media.#answer(asked)
      // The honest server has no connection to fill, and would refuse.
      return asked.type === 'subscribe' ? Promise.resolve({ type: 'done', requestId: asked['requestId'] }) : null
    }
    return media
  }

  /** The microphone sends nothing but silence from now on. */
  silence(): Promise<void> {
    return this.page.evaluate('__clear.silence()')
  }

  async #answer({ requestId, sdp }: Message): Promise<Message> {
    return { type: 'answer', requestId, sdp: await this.page.evaluate<string>(`__clear.answer(${JSON.stringify(sdp)})`), relay: null }
  }
}

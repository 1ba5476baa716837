// The connection test's hands: what it asks of the browser, the server and the path for media.
// No device is opened.

import { ApiError, fetchServerInfo } from '../api'
import { RequestError } from '../protocol/connection'
import { ProbeSession } from '../protocol/probe'
import { type MediaTrial, type Path, type Place, type Probing, type TestCause, TestFailure } from './connection-test'
import { problemOfBrowser } from './open'
import { compactOffer, placesOf } from './sdp'
import { selectedPath } from './stats'
import type { Problem } from './state'

/** Tries what a meeting needs, against the server this page came from. */
export class BrowserProbing implements Probing {
  private session: ProbeSession | null = null
  private pc: RTCPeerConnection | null = null
  private answer = ''

  browserProblem(): Problem | null {
    return problemOfBrowser()
  }

  async deviceProblem(): Promise<TestCause | null> {
    // Absent outside secure contexts and where the browser's owner switched it off.
    const devices = navigator.mediaDevices as MediaDevices | undefined
    if (devices === undefined || !('getUserMedia' in devices)) return 'devices_unavailable'
    const found = await devices.enumerateDevices().catch(() => null)
    if (found === null) return 'devices_unavailable'
    if (!found.some(({ kind }) => kind === 'audioinput')) return 'microphone_missing'
    return found.some(({ kind }) => kind === 'videoinput') ? null : 'camera_missing'
  }

  async askServer(): Promise<number> {
    const began = performance.now()
    try {
      const info: unknown = await fetchServerInfo()
      if (typeof info !== 'object' || info === null || !('protocolVersion' in info)) throw new TestFailure('server_unexpected')
      return performance.now() - began
    } catch (error) {
      if (error instanceof TestFailure) throw error
      throw new TestFailure(error instanceof ApiError ? await this.whyNoAnswer(error) : 'internal')
    }
  }

  async openSession(): Promise<{ roundTrip: number; places: readonly Place[] }> {
    const url = `${location.origin.replace(/^http/, 'ws')}/api/session`
    const session = await ProbeSession.open(url).catch(() => {
      throw new TestFailure('websocket_blocked')
    })
    this.session = session
    const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    this.pc = pc
    pc.addTransceiver('audio', { direction: 'recvonly' })
    const offer = await pc.createOffer()
    await pc.setLocalDescription(offer)
    try {
      this.answer = await session.offer(compactOffer(offer.sdp ?? ''))
      return { roundTrip: await session.ping(), places: placesOf(this.answer) }
    } catch (error) {
      const code = error instanceof RequestError ? error.code : 'lost'
      throw new TestFailure(code === 'lost' ? 'websocket_blocked' : code)
    }
  }

  async tryMedia(): Promise<MediaTrial> {
    const { pc } = this
    if (pc === null) throw new TestFailure('internal')
    await pc.setRemoteDescription({ type: 'answer', sdp: this.answer }).catch(() => {
      throw new TestFailure('offer_invalid')
    })
    if (!(await isConnected(pc))) {
      const reached = pc.iceConnectionState === 'connected' || pc.iceConnectionState === 'completed'
      throw new TestFailure(reached ? 'udp_handshake' : 'udp_blocked')
    }
    const selected = selectedPath(await pc.getStats())
    if (selected === null) return { path: null, roundTrip: null }
    const { localType, protocol, server, roundTrip } = selected
    const path: Path = { localType, protocol, server }
    return { path, roundTrip: roundTrip === null ? null : roundTrip * 1_000 }
  }

  end(): void {
    this.pc?.close()
    this.session?.close()
  }

  /** Does anything answer at all? */
  private async whyNoAnswer(error: ApiError): Promise<TestCause> {
    if (error.code !== 'server_unreachable') return error.code
    const answered = await fetch('/api/server', { credentials: 'omit', cache: 'no-store' }).then(
      () => true,
      () => false,
    )
    return answered ? 'server_unexpected' : 'server_unreachable'
  }
}

/** Waits until ICE and DTLS are done; false when they are not in time. */
function isConnected(pc: RTCPeerConnection): Promise<boolean> {
  return new Promise((resolve) => {
    const look = () => {
      const { connectionState } = pc
      if (connectionState !== 'connected' && connectionState !== 'failed') return
      clearTimeout(timer)
      pc.removeEventListener('connectionstatechange', look)
      resolve(connectionState === 'connected')
    }
    const timer = setTimeout(() => {
      pc.removeEventListener('connectionstatechange', look)
      resolve(false)
    }, MEDIA_TIMEOUT_MS)
    pc.addEventListener('connectionstatechange', look)
    look()
  })
}

/** Time for a path and its handshake: a healthy one takes a tenth of a second. The server keeps
 * the trial for 15 s; longer than that makes no sense, shorter fails slow networks. */
const MEDIA_TIMEOUT_MS = 10_000

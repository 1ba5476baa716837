// The connection test's hands: what it asks of the browser, the server and the path for media.
// No device is opened.

import { ApiError, fetchServerInfo } from '../api'
import { RequestError } from '../protocol/connection'
import type { RelayAccess } from '../protocol/generated'
import { type ProbeAnswer, ProbeSession } from '../protocol/probe'
import { type MediaTrial, type Path, type Place, type Probing, type TestCause, TestFailure, type Way } from './connection-test'
import { problemOfBrowser } from './browser'
import { relayServers } from './relay'
import { candidatesBy, compactOffer, placesOf } from './sdp'
import { selectedPath } from './stats'
import type { Problem } from './state'

/** Tries what a meeting needs, against the server this page came from. */
export class BrowserProbing implements Probing {
  private readonly trials: Trial[] = []
  private relay: RelayAccess | null = null

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
    const { session, answer } = await this.begin(CONFIGURATION)
    this.relay = answer.relay
    const roundTrip = await session.ping().catch(() => {
      throw new TestFailure('websocket_blocked')
    })
    return { roundTrip, places: placesOf(answer.sdp) }
  }

  async tryMedia(way: Way, address?: string): Promise<MediaTrial | null> {
    const servers = relayServers(this.relay, location)
    if (way === 'tls' && servers.length === 0) return null
    const configuration: RTCConfiguration = way === 'tls' ? { ...CONFIGURATION, iceServers: servers, iceTransportPolicy: 'relay' } : CONFIGURATION
    const { pc, answer } = await this.begin(configuration)
    const sdp = candidatesBy(answer.sdp, way === 'tcp' ? 'tcp' : 'udp', address)
    if (sdp === null) return null
    await pc.setRemoteDescription({ type: 'answer', sdp }).catch(() => {
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
    for (const { session, pc } of this.trials.splice(0)) {
      pc.close()
      session.close()
    }
  }

  /** A session with a connection whose offer is answered. */
  private async begin(configuration: RTCConfiguration): Promise<Trial & { answer: ProbeAnswer }> {
    const url = `${location.origin.replace(/^http/, 'ws')}/api/session`
    const session = await ProbeSession.open(url).catch(() => {
      throw new TestFailure('websocket_blocked')
    })
    const pc = new RTCPeerConnection(configuration)
    this.trials.push({ session, pc })
    pc.addTransceiver('audio', { direction: 'recvonly' })
    const offer = await pc.createOffer()
    await pc.setLocalDescription(offer)
    try {
      return { session, pc, answer: await session.offer(compactOffer(offer.sdp ?? '')) }
    } catch (error) {
      const code = error instanceof RequestError ? error.code : 'lost'
      throw new TestFailure(code === 'lost' ? 'websocket_blocked' : code)
    }
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

/** One session and its connection. */
interface Trial {
  readonly session: ProbeSession
  readonly pc: RTCPeerConnection
}

const CONFIGURATION: RTCConfiguration = { bundlePolicy: 'max-bundle' }

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

// Runs in every page before its own scripts: remembers what the page opens, so that a test can
// look at it. It changes nothing the page can notice.
;(() => {
  if (globalThis.__rig) return
  globalThis.__name ??= (value) => value

  const rig = {
    connections: [],
    sockets: [],
    framesWorkers: [],
    tracks: [],
    userMediaCalls: 0,
    displayMediaCalls: 0,
    violations: [],
    selfId: null,
    resumed: null,
    resumeTokens: [],
    sent: [],
    received: [],
    others: new Set(),
    slots: new Map(),
    clickedAt: null,
    firstFrameAt: null,
    flow: null,
  }
  Object.defineProperty(globalThis, '__rig', { value: rig })

  addEventListener('securitypolicyviolation', (event) => {
    rig.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`)
  })

  const NativeConnection = globalThis.RTCPeerConnection
  if (NativeConnection) {
    globalThis.RTCPeerConnection = class RTCPeerConnection extends NativeConnection {
      constructor(...args) {
        super(...args)
        rig.connections.push(this)
        rig.slots.clear()
      }
    }
  }

  const NativeWorker = globalThis.Worker
  globalThis.Worker = class Worker extends NativeWorker {
    constructor(url, options) {
      super(url, options)
      if (/frames-worker/.test(url)) rig.framesWorkers.push(this)
    }
  }

  const NativeSocket = globalThis.WebSocket
  globalThis.WebSocket = class WebSocket extends NativeSocket {
    constructor(...args) {
      super(...args)
      rig.sockets.push(this)
      this.addEventListener('message', (event) => {
        const message = parsed(event.data)
        rig.received.push(message.type === 'error' ? `error:${message.code}` : message.type)
        if (message.type === 'participant_joined') rig.others.add(message.participant.participant)
        if (message.type !== 'joined') return
        for (const { participant } of message.participants) rig.others.add(participant)
        rig.selfId = message.participant
        rig.resumed = message.resumed
        rig.resumeTokens.push(message.resume)
      })
    }
    send(data) {
      const message = parsed(data)
      rig.sent.push(message.type)
      if (message.type === 'subscribe') {
        for (const slot of message.slots) rig.slots.set(slot.mid, slot.track)
      }
      super.send(data)
    }
  }

  const devices = globalThis.MediaDevices?.prototype
  if (devices) {
    for (const [method, counter] of [
      ['getUserMedia', 'userMediaCalls'],
      ['getDisplayMedia', 'displayMediaCalls'],
    ]) {
      const native = devices[method]
      if (!native) continue
      devices[method] = async function (...args) {
        rig[counter] += 1
        const stream = await native.apply(this, args)
        rig.tracks.push(...stream.getTracks())
        return stream
      }
    }
    const nativeClone = MediaStreamTrack.prototype.clone
    MediaStreamTrack.prototype.clone = function () {
      const copy = nativeClone.call(this)
      if (rig.tracks.includes(this)) rig.tracks.push(copy)
      return copy
    }
  }

  function parsed(data) {
    try {
      return JSON.parse(data)
    } catch {
      return {}
    }
  }

  function liveConnection() {
    return rig.connections.findLast((connection) => connection.connectionState !== 'closed') ?? null
  }

  /** What arrives now from each remote track: cumulative counters of the one live connection. */
  rig.arrivals = async () => {
    const connection = liveConnection()
    const arrivals = []
    for (const transceiver of connection?.getTransceivers() ?? []) {
      const track = rig.slots.get(transceiver.mid)
      if (!track) continue
      const report = await transceiver.receiver.getStats()
      for (const entry of report.values()) {
        if (entry.type !== 'inbound-rtp') continue
        arrivals.push({
          participant: track.participant,
          source: track.source,
          frames: entry.framesDecoded ?? 0,
          energy: entry.totalAudioEnergy ?? 0,
          packets: entry.packetsReceived ?? 0,
          lost: entry.packetsLost ?? 0,
          width: entry.frameWidth ?? 0,
          frozen: entry.totalFreezesDuration ?? 0,
          keyFrames: entry.keyFramesDecoded ?? 0,
          requests: (entry.pliCount ?? 0) + (entry.firCount ?? 0),
          codec: report.get(entry.codecId)?.mimeType ?? null,
        })
      }
    }
    return arrivals
  }

  /** Packets sent so far of each picture layer, by its name; empty for the only one of a screen. */
  rig.sentLayers = async () => {
    const layers = {}
    for (const entry of (await liveConnection()?.getStats())?.values() ?? []) {
      if (entry.type === 'outbound-rtp' && entry.kind === 'video') layers[entry.rid ?? ''] = entry.packetsSent ?? 0
    }
    return layers
  }

  /** Each encoding of a picture that is sent, as the browser counts it. */
  rig.encodings = async () => {
    const report = (await liveConnection()?.getStats()) ?? new Map()
    return [...report.values()]
      .filter((entry) => entry.type === 'outbound-rtp' && entry.kind === 'video')
      .map((entry) => ({
        rid: entry.rid ?? '',
        mode: entry.scalabilityMode ?? '',
        codec: report.get(entry.codecId)?.mimeType ?? null,
        packets: entry.packetsSent ?? 0,
        width: entry.frameWidth ?? 0,
        frames: entry.framesEncoded ?? 0,
        keyFrames: entry.keyFramesEncoded ?? 0,
      }))
  }

  /** Packets of sound sent so far, and when that was counted. */
  rig.soundSent = async () => {
    const report = (await liveConnection()?.getStats()) ?? new Map()
    const sent = [...report.values()].find((entry) => entry.type === 'outbound-rtp' && entry.kind === 'audio')
    return { packets: sent?.packetsSent ?? 0, at: sent?.timestamp ?? 0 }
  }

  /** The sound that is received, all voices together; seconds are samples of 48 kHz. */
  rig.soundReceived = async () => {
    const sum = { packets: 0, lost: 0, seconds: 0, concealed: 0 }
    for (const entry of (await liveConnection()?.getStats())?.values() ?? []) {
      if (entry.type !== 'inbound-rtp' || entry.kind !== 'audio' || !entry.packetsReceived) continue
      sum.packets += entry.packetsReceived
      sum.lost += entry.packetsLost ?? 0
      sum.seconds += (entry.totalSamplesReceived ?? 0) / 48_000
      sum.concealed += ((entry.concealedSamples ?? 0) - (entry.silentConcealedSamples ?? 0)) / 48_000
    }
    return sum
  }

  /** Packets of pictures received so far, whoever sent them. */
  rig.picturePackets = async () => {
    let packets = 0
    for (const entry of (await liveConnection()?.getStats())?.values() ?? []) {
      if (entry.type === 'inbound-rtp' && entry.kind === 'video') packets += entry.packetsReceived ?? 0
    }
    return packets
  }

  /** Watches the flow of received packets from now on; `longestSilence` gives its worst pause. */
  rig.watchFlow = () => {
    const now = performance.now()
    const flow = { packets: -1, since: now, at: now, longest: 0 }
    rig.flow = flow
    const look = async () => {
      if (rig.flow !== flow) return
      let packets = 0
      for (const entry of (await liveConnection()?.getStats())?.values() ?? []) {
        if (entry.type === 'inbound-rtp') packets += entry.packetsReceived ?? 0
      }
      if (packets !== flow.packets) {
        const now = performance.now()
        if (flow.packets >= 0) flow.longest = Math.max(flow.longest, now - flow.at)
        flow.packets = packets
        flow.at = now
      }
      setTimeout(look, 20)
    }
    void look()
  }
  rig.flowedFor = () => rig.flow.at - rig.flow.since
  rig.longestSilence = () => Math.max(rig.flow.longest, performance.now() - rig.flow.at)

  /** The way media takes: `udp`, `tcp`, or `tls` by a relay. */
  rig.way = async () => {
    const report = (await liveConnection()?.getStats()) ?? new Map()
    const entries = [...report.values()]
    const transport = entries.find((entry) => entry.type === 'transport')
    const isUsed = (entry) => entry.selected === true || (entry.nominated === true && entry.state === 'succeeded')
    const pair = report.get(transport?.selectedCandidatePairId) ?? entries.find((entry) => entry.type === 'candidate-pair' && isUsed(entry))
    const local = report.get(pair?.localCandidateId)
    return local?.relayProtocol ?? local?.protocol ?? null
  }

  /** Whether the tile of `participant` really plays: time moves, a picture has a size. */
  rig.playing = (participant) => {
    const video = document.querySelector(`[data-testid=tile][data-participant="${participant}"] video[data-testid=tile-video]`)
    if (!video) return null
    return { time: video.currentTime, width: video.videoWidth, paused: video.paused }
  }

  /** Whether an element can be seen; one that can also be used, with `able`. */
  rig.isShown = (element, able = false) => {
    if (!element || (able && element.disabled === true)) return false
    const box = element.getBoundingClientRect()
    return box.width > 0 && box.height > 0 && getComputedStyle(element).visibility === 'visible'
  }

  /** The button or link named so that can be used, or null. */
  rig.named = (name) => {
    const label = (element) => (element.getAttribute('aria-label') ?? element.textContent ?? '').trim()
    const all = [...document.querySelectorAll('button, a, summary, [role=button]')]
    return all.find((element) => label(element) === name && rig.isShown(element, true)) ?? null
  }

  /** Everybody else who ever was in the room. */
  rig.people = () => [...rig.others]
  /** Lets the page hear a message as if the server had said it. */
  rig.hear = (message) => {
    rig.sockets.at(-1).dispatchEvent(new MessageEvent('message', { data: JSON.stringify(message) }))
  }

  /** What the page holds open, as plain data. */
  rig.holdings = () => ({
    tracks: rig.tracks.map((track) => `${track.kind}:${track.readyState}`),
    connections: rig.connections.map((connection) => connection.connectionState),
    sockets: rig.sockets.map((socket) => socket.readyState),
    senders: rig.connections.map((c) => c.getSenders().filter((s) => s.track).length),
    userMediaCalls: rig.userMediaCalls,
    displayMediaCalls: rig.displayMediaCalls,
  })

  /** Starts a clock at the next click on `testid` and stops it at the first decoded remote frame. */
  rig.armFirstFrame = (testid) => {
    rig.clickedAt = rig.firstFrameAt = null
    addEventListener(
      'click',
      (event) => {
        if (!event.target.closest?.(`[data-testid="${testid}"]`)) return
        rig.clickedAt = performance.now()
        const look = () => {
          for (const video of document.querySelectorAll('[data-testid=tile]:not([data-self=true]) video')) {
            if (video.videoWidth > 0 && video.readyState >= 2) {
              rig.firstFrameAt = performance.now()
              return
            }
          }
          setTimeout(look, 5)
        }
        look()
      },
      { capture: true },
    )
  }
  rig.firstFrameDelay = () =>
    rig.firstFrameAt === null ? null : rig.firstFrameAt - rig.clickedAt
})()

// Reads the browser's statistics (WebRTC Statistics, W3C), whose entries and fields differ between
// browsers. Pure: given a report, plain numbers come out. Never an address of this machine.

/** The pair of addresses in use. */
export interface SelectedPath {
  /** Kind of this machine's candidate: `host`, `srflx`, `prflx` or `relay`. */
  readonly localType: string
  /** `udp` or `tcp`. */
  readonly protocol: string
  /** Where the server is reached. */
  readonly server: { readonly address: string; readonly port: number } | null
  /** Seconds; `null` where the browser does not say. */
  readonly roundTrip: number | null
  /** Estimated room towards the server, in bit/s; `null` where the browser does not say. */
  readonly outgoingBitrate: number | null
  readonly bytesSent: number
  readonly bytesReceived: number
}

/** One entry of a report, unread. */
export type Entry = Readonly<Record<string, unknown>>

/** The pair of a report that media goes over; `null` before there is one. */
export function selectedPath(report: Iterable<readonly [string, unknown]>): SelectedPath | null {
  const entries = new Map(report) as ReadonlyMap<string, Entry>
  const pair = selectedPair(entries)
  if (pair === null) return null
  const local = entries.get(textOf(pair, 'localCandidateId') ?? '') ?? {}
  const remote = entries.get(textOf(pair, 'remoteCandidateId') ?? '') ?? {}
  const address = textOf(remote, 'address') ?? textOf(remote, 'ip')
  const port = numberOf(remote, 'port')
  return {
    localType: textOf(local, 'candidateType') ?? '?',
    protocol: textOf(local, 'protocol') ?? '?',
    server: address === null || port === null ? null : { address, port },
    roundTrip: numberOf(pair, 'currentRoundTripTime'),
    outgoingBitrate: numberOf(pair, 'availableOutgoingBitrate'),
    bytesSent: numberOf(pair, 'bytesSent') ?? 0,
    bytesReceived: numberOf(pair, 'bytesReceived') ?? 0,
  }
}

/** A number of an entry, if it is there. */
export function numberOf(entry: Entry, name: string): number | null {
  const value = entry[name]
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** A text of an entry, if it is there. */
export function textOf(entry: Entry, name: string): string | null {
  const value = entry[name]
  return typeof value === 'string' ? value : null
}

function selectedPair(entries: ReadonlyMap<string, Entry>): Entry | null {
  let nominated: Entry | null = null
  for (const entry of entries.values()) {
    if (entry['type'] === 'transport') {
      const pair = entries.get(textOf(entry, 'selectedCandidatePairId') ?? '')
      if (pair !== undefined) return pair
    }
    // Firefox has no entry for the transport.
    if (entry['type'] !== 'candidate-pair') continue
    if (entry['selected'] === true) return entry
    if (entry['nominated'] === true && entry['state'] === 'succeeded') nominated ??= entry
  }
  return nominated
}

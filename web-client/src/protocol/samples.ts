// What tests and the gallery say in the server's place.

import type { Known, RoomRules, ServerMessage } from './generated'

/** Everybody may do everything. */
export const OPEN_RULES: RoomRules = {
  profile: 'reunion',
  maxParticipants: 100,
  video: true,
  encryption: null,
  open: {
    lobby: false,
    locked: false,
    guestsUntil: null,
    minors: false,
    guests: { microphone: true, camera: true, screen: true, chat: true, rename: true },
  },
}

/** What `joined` says of a room in which nothing goes on yet. */
export const QUIET_ROOM = {
  rules: OPEN_RULES,
  rights: OPEN_RULES.open.guests,
  linkGeneration: 0,
  state: {
    hands: [],
    opinions: { yes: 0, no: 0, slower: 0, faster: 0 },
    timerMs: null,
    spotlight: null,
    poll: null,
    sealedPoll: null,
    recording: null,
  },
  own: { group: null, opinion: null, moderatorsOnly: false, hasVoted: false, stopped: [] },
  encryption: null,
} as const satisfies Partial<Extract<ServerMessage, { type: 'joined' }>>

/** What a server says that it holds about a pupil in a lively class. */
export const KNOWN: Known = {
  participant: "sl4PckeEQdQ",
  displayName: "Camille",
  role: "guest",
  linkRole: "guest",
  delegation: {"expiresAt": 1798761600, "signature": "pKvURIxJVi2CgRXROh_M6pJ_UrTVRZKX-LQ-QtqJI4vBNibkPcs43bCCSIkn7JBPtCBXRDmD6IWFF51QVRr-Yg"},
  handle: "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
  granted: {"microphone": false, "camera": false, "screen": true, "chat": false, "rename": false},
  moderatorsOnly: false,
  group: 2,
  opinion: "slower",
  hand: 1,
  hasVoted: true,
  recordingAnswer: true,
  recordingReceipt: '{"line":{},"signature":""}',
  isSpeaking: false,
  isSpotlit: false,
  wordsLeft: 20,
  circle: null,
  arrival: 3,
  active: ["microphone"],
  stopped: ["camera"],
  quality: "good",
  slots: [{"mid": "1", "track": {"participant": "sl4PckeEQdQ", "source": "camera"}}],
  pausedSlots: ["3"],
  unplayableSlots: ["4"],
  layersWanted: [{"source": "camera", "rids": ["low"]}],
  missedOfferWanted: false,
  offers: 0,
  link: "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
  address: "192.0.2.7",
}

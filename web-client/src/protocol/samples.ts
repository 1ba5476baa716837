// What tests and the gallery say in the server's place.

import type { RoomRules, ServerMessage } from './generated'

/** Everybody may do everything. */
export const OPEN_RULES: RoomRules = {
  profile: 'reunion',
  maxParticipants: 100,
  video: true,
  open: {
    lobby: false,
    locked: false,
    guestsUntil: null,
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
  },
  own: { group: null, opinion: null, moderatorsOnly: false, hasVoted: false, stopped: [] },
} as const satisfies Partial<Extract<ServerMessage, { type: 'joined' }>>

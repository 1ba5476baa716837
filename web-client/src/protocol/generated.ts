// Written from the Rust crate `protocol`. Do not edit; change the crate, then run
// PREAU_WRITE_TYPES=1 cargo test -p protocol --features ts --test typescript

export const PROTOCOL_VERSION = 1;
export const MAX_MESSAGE_BYTES = 65536;
export const MAX_DISPLAY_NAME_CHARS = 40;
export const MAX_SLOTS = 128;

/**
 * Everything a browser may say on its WebSocket. The first message of a session is `join`, or
 * `probe` in a session that only tests the connection.
 */
export type ClientMessage = { "type": "join",
/**
 * [`crate::PROTOCOL_VERSION`] of the page.
 */
protocolVersion: number,
/**
 * Which room.
 */
room: string,
/**
 * Shows that the browser holds the guest or the moderator link; which of the two decides
 * the role.
 */
proof: string,
/**
 * Session token of an earlier `joined`, to come back as the same participant. When it is
 * no longer good the proof alone decides and a new participant enters.
 */
resume: string | null,
/**
 * Pseudonym; absent or blank gets a neutral one.
 */
displayName: string | null,
/**
 * Language of the page, in which a neutral pseudonym is written; French when absent.
 */
language: Language | null, } | { "type": "offer",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * The session description (RFC 8866), as the browser made it.
 */
sdp: string,
/**
 * Which media sections carry which source. Sections that only receive are slots.
 */
publish: Array<PublishedMid>, } | { "type": "subscribe",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * New content of slots.
 */
slots: Array<SlotRequest>, } | { "type": "set_publishing",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Which source.
 */
source: TrackSource,
/**
 * True when packets of it may be forwarded.
 */
active: boolean, } | { "type": "set_reception",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * True to receive as little as a meeting needs.
 */
saving: boolean, } | { "type": "rename",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * New pseudonym, 1 to [`crate::MAX_DISPLAY_NAME_CHARS`] characters.
 */
displayName: string, } | { "type": "probe",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * The session description (RFC 8866), as the browser made it. Nothing is published.
 */
sdp: string, } | { "type": "leave", } | { "type": "ping", };

/**
 * Body of `POST /api/rooms`.
 */
export type CreateRoom = {
/**
 * Of the guest link.
 */
guestVerifier: string,
/**
 * Of the moderator link. Must differ from the guest's.
 */
moderatorVerifier: string, };

/**
 * Answer to `POST /api/rooms`, with status 201.
 */
export type CreatedRoom = {
/**
 * The new room.
 */
room: string,
/**
 * When the room ends, in seconds since 1970-01-01 UTC.
 */
expiresAt: number, };

/**
 * Why a request was refused or a session ended. Grouped by whose fault it is.
 */
export type ErrorCode = "malformed" | "message_too_large" | "rate_limited" | "protocol_version" | "not_joined" | "already_joined" | "name_invalid" | "offer_invalid" | "slot_unknown" | "track_unknown" | "token_invalid" | "join_refused" | "room_full" | "room_ended" | "not_allowed" | "host_pass_required" | "overloaded" | "internal";

/**
 * Why a session ended in order.
 */
export type GoodbyeReason = "left" | "server_restart" | "replaced" | "room_ended";

/**
 * A language Préau speaks.
 */
export type Language = "fr" | "en";

/**
 * What everybody may know of one participant.
 */
export type ParticipantInfo = {
/**
 * Who.
 */
participant: string,
/**
 * Their pseudonym.
 */
displayName: string,
/**
 * Their role.
 */
role: Role,
/**
 * The sources that are on.
 */
active: Array<TrackSource>,
/**
 * True while their signaling is cut and may still resume.
 */
away: boolean, };

/**
 * Says which source one sending media section carries.
 */
export type PublishedMid = {
/**
 * The section's `a=mid` (RFC 8843), at most 16 characters.
 */
mid: string,
/**
 * What it carries.
 */
source: TrackSource, };

/**
 * How good a connection is, best first.
 */
export type Quality = "good" | "fair" | "poor";

/**
 * Number a browser gives to a request, echoed in its one answer.
 */
export type RequestId = number;

/**
 * What a participant may do, decided by the link they hold.
 */
export type Role = "guest" | "moderator";

/**
 * The rules of a room, kept with it across restarts.
 */
export type RoomRules = {
/**
 * Most participants present at once.
 */
maxParticipants: number, };

/**
 * Answer to `GET /api/server`.
 */
export type ServerInfo = {
/**
 * [`crate::PROTOCOL_VERSION`] of the server.
 */
protocolVersion: number,
/**
 * Origin that other devices can reach, such as `https://192.0.2.7:8443`; links made on
 * `localhost` use it. `null` when the address the page was opened at is the one to share.
 */
shareOrigin: string | null,
/**
 * True when making a room needs a host pass.
 */
hostPassRequired: boolean, };

/**
 * Everything a browser may hear on its WebSocket.
 */
export type ServerMessage = { "type": "joined",
/**
 * Who the browser is here.
 */
participant: string,
/**
 * The pseudonym in force, given or assigned.
 */
displayName: string,
/**
 * Decided by the link that was proven.
 */
role: Role,
/**
 * True when an earlier participant came back: their media connection may still live.
 * The page then says again, with `set_publishing`, which of its sources are on and off.
 */
resumed: boolean,
/**
 * Session token (JWT) to come back with; valid for this room and participant only.
 */
resume: string,
/**
 * Everybody else present.
 */
participants: Array<ParticipantInfo>,
/**
 * The rules of the room.
 */
rules: RoomRules, } | { "type": "answer",
/**
 * Of the offer or the probe.
 */
requestId: RequestId,
/**
 * The session description to apply.
 */
sdp: string, } | { "type": "done",
/**
 * Of the request.
 */
requestId: RequestId, } | { "type": "error",
/**
 * Of the refused request; `null` when the fault belongs to no request.
 */
requestId: RequestId | null,
/**
 * Named cause; the page has a sentence for each.
 */
code: ErrorCode,
/**
 * True when the server closes the session after this message.
 */
fatal: boolean, } | { "type": "participant_joined",
/**
 * All about them.
 */
participant: ParticipantInfo, } | { "type": "participant_left",
/**
 * Who.
 */
participant: string, } | { "type": "participant_away",
/**
 * Who.
 */
participant: string,
/**
 * True when cut, false when back.
 */
away: boolean, } | { "type": "participant_renamed",
/**
 * Who.
 */
participant: string,
/**
 * The new pseudonym.
 */
displayName: string, } | { "type": "track_changed",
/**
 * Who.
 */
participant: string,
/**
 * Which source.
 */
source: TrackSource,
/**
 * True when it may be subscribed to.
 */
active: boolean, } | { "type": "layers_wanted",
/**
 * Which picture.
 */
source: TrackSource,
/**
 * Names of the layers to send, an empty name for the only one of a section without
 * simulcast. No name: nobody watches.
 */
rids: Array<string>, } | { "type": "offer_wanted", } | { "type": "speakers",
/**
 * Loudest first; empty when nobody speaks.
 */
participants: Array<string>, } | { "type": "slots_paused",
/**
 * All of them, by `a=mid`.
 */
mids: Array<string>, } | { "type": "slots_unplayable",
/**
 * All of them, by `a=mid`.
 */
mids: Array<string>, } | { "type": "quality_changed",
/**
 * Whose.
 */
participant: string,
/**
 * How good; everybody's is good until told otherwise.
 */
quality: Quality, } | { "type": "goodbye",
/**
 * Why, so that the page knows whether to come back.
 */
reason: GoodbyeReason, } | { "type": "pong", };

/**
 * What one receive slot shall carry from now on.
 */
export type SlotRequest = {
/**
 * The slot's `a=mid`: a media section of the own offer that only receives.
 */
mid: string,
/**
 * The track to carry, of the same kind as the slot; `null` empties the slot.
 */
track: TrackId | null,
/**
 * Height in device pixels at which the picture is shown; `null` when unknown or for sound.
 */
maxHeight: number | null, };

/**
 * One source published by one participant.
 */
export type TrackId = {
/**
 * Who publishes it.
 */
participant: string,
/**
 * What it is.
 */
source: TrackSource, };

/**
 * What a track shows or plays. A participant publishes at most one track of each source.
 */
export type TrackSource = "microphone" | "camera" | "screen" | "screen_audio";

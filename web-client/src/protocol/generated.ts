// Written from the Rust crate `protocol`. Do not edit; change the crate, then run
// PREAU_WRITE_TYPES=1 cargo test -p protocol --features ts --test typescript

export const PROTOCOL_VERSION = 2;
export const MAX_MESSAGE_BYTES = 294912;
export const MAX_DISPLAY_NAME_CHARS = 40;
export const MAX_SLOTS = 128;
export const MAX_TEXT_CHARS = 2000;
export const MAX_SEALED_CHARS = 49152;
export const MAX_POLL_TEXT_CHARS = 200;
export const MAX_POLL_CHOICES = 10;
export const MAX_GROUPS = 30;
export const MAX_HANDLES = 200;
export const MAX_TIMER_SECONDS = 86400;
export const MAX_TERM_CHARS = 200;
export const MAX_RECIPIENTS = 8;
export const MAX_RELEASE_BYTES = 8192;
export const MAX_SEALED_NAME_BYTES = 256;
export const MAX_KEY_PACKAGE_BYTES = 4096;
export const MAX_COMMIT_BYTES = 65536;
export const MAX_WELCOME_BYTES = 131072;
export const MAX_SAY_BYTES = 49152;
export const MAX_ADMISSION_BYTES = 1024;
export const MAX_QUESTION_BYTES = 8192;
export const MAX_BALLOT_BYTES = 128;
export const RECORDING_TEXT_VERSION = 2;

/**
 * Who reads a written line.
 */
export type ChatAudience = "everybody" | "moderators";

/**
 * Where a circle stands.
 */
export type CirclePlace = {
/**
 * Which circle.
 */
group: string,
/**
 * The epoch it is in.
 */
epoch: number, };

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
 * Shows that the browser holds a personal link of this room beside the guest link.
 */
handle: string | null,
/**
 * Session token of an earlier `joined` or `waiting`, to come back as the same participant. When it is
 * no longer good the proof alone decides and a new participant enters.
 */
resume: string | null,
/**
 * What made this participant a moderator, to be one again after a restart of the server.
 */
delegation: Delegation | null,
/**
 * Pseudonym; absent or blank gets a neutral one. Must be absent in an encrypted room.
 */
displayName: string | null,
/**
 * Language of the page, in which a neutral pseudonym is written; French when absent.
 */
language: Language | null,
/**
 * Encrypted rooms, where it must be there: the key the page signs with in the circle.
 */
memberKey: string | null,
/**
 * Encrypted rooms: the pseudonym, for those who hold the link, while whoever joins waits.
 */
sealedName: string | null, } | { "type": "offer",
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
displayName: string, } | { "type": "raise_hand",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * True to raise it.
 */
raised: boolean, } | { "type": "react",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Which.
 */
reaction: Reaction, } | { "type": "set_opinion",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Which; `null` for none.
 */
opinion: Opinion | null, } | { "type": "chat",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Who reads it.
 */
audience: ChatAudience,
/**
 * Plain text, 1 to [`crate::MAX_TEXT_CHARS`] characters.
 */
text: string, } | { "type": "vote",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Which question.
 */
poll: number,
/**
 * Number of the chosen answer, from 0.
 */
choice: number, } | { "type": "set_audience",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * True for the moderators alone.
 */
moderatorsOnly: boolean, } | { "type": "call_help",
/**
 * Echoed in the answer.
 */
requestId: RequestId, } | { "type": "admit",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Who; `null` for everybody who waits.
 */
participants: Array<string> | null,
/**
 * Encrypted rooms: for whom of them an admission was signed; handed to them with `joined`.
 */
admissions: Array<SignedAdmission>, } | { "type": "refuse_entry",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Who.
 */
participant: string,
/**
 * Told to them, at most [`crate::MAX_TEXT_CHARS`] characters.
 */
reason: string | null, } | { "type": "set_rules",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * All of them, as the page knew them.
 */
was: OpenRules,
/**
 * All of them, as they shall be.
 */
rules: OpenRules, } | { "type": "stop_source",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Whose; `null` for all guests.
 */
participant: string | null,
/**
 * Which source.
 */
source: TrackSource, } | { "type": "grant",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Whom.
 */
participant: string,
/**
 * Which source.
 */
source: TrackSource,
/**
 * True to let them.
 */
granted: boolean, } | { "type": "invite",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Whom.
 */
participant: string,
/**
 * To what.
 */
source: TrackSource, } | { "type": "eject",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Whom.
 */
participant: string, } | { "type": "end_meeting",
/**
 * Echoed in the answer.
 */
requestId: RequestId, } | { "type": "set_role",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Whom.
 */
participant: string,
/**
 * What they become.
 */
role: Role,
/**
 * Whoever is made a moderator: the host key's word on it.
 */
delegation: Delegation | null, } | { "type": "rotate_link",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Of the new link.
 */
guestVerifier: string,
/**
 * Its generation: one more than the present.
 */
generation: number, } | { "type": "add_handles",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Of each link's own secret; at most [`crate::MAX_HANDLES`] in a room.
 */
handles: Array<string>, } | { "type": "revoke_handle",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Which.
 */
handle: string, } | { "type": "set_spotlight",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Whom; `null` for nobody.
 */
participant: string | null, } | { "type": "lower_hand",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Whose; `null` for all.
 */
participant: string | null, } | { "type": "clear_opinions",
/**
 * Echoed in the answer.
 */
requestId: RequestId, } | { "type": "set_timer",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * How long, 1 to [`crate::MAX_TIMER_SECONDS`]; `null` to end it.
 */
seconds: number | null, } | { "type": "open_poll",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * 1 to [`crate::MAX_POLL_TEXT_CHARS`] characters.
 */
question: string,
/**
 * Two to [`crate::MAX_POLL_CHOICES`] answers of as many characters each.
 */
choices: Array<string>, } | { "type": "close_poll",
/**
 * Echoed in the answer.
 */
requestId: RequestId, } | { "type": "set_groups",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Where to; who is not named stays.
 */
places: Array<GroupPlace>, } | { "type": "announce",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * 1 to [`crate::MAX_TEXT_CHARS`] characters.
 */
text: string, } | { "type": "report_incident",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * An age file for the recipient of [`crate::ServerInfo`], as base64 (RFC 4648 section 4), at
 * most [`crate::MAX_SEALED_CHARS`] characters.
 */
sealed: string, } | { "type": "start_recording",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Drawn by the page, never used before.
 */
recording: string,
/**
 * What everybody is told of it.
 */
terms: RecordingTerms,
/**
 * Key that follows from the moderator link for this recording alone.
 */
recipient: string,
/**
 * Word of whoever starts that the guardians of the minors have allowed it. Must be true
 * where the rules say that there are minors.
 */
authorisations: boolean,
/**
 * Encrypted rooms, where it must be there: the host key's word on the keys that the
 * recording is sealed to, see [`crate::RecordingInfo::recipients_signature`].
 */
recipientsSignature: string | null, } | { "type": "stop_recording",
/**
 * Echoed in the answer.
 */
requestId: RequestId, } | { "type": "answer_recording",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Which, so that a late answer counts for no other.
 */
recording: string,
/**
 * True for yes.
 */
accepted: boolean, } | { "type": "mls_create",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * The new circle.
 */
group: string, } | { "type": "mls_key_package",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * What to be added by.
 */
keyPackage: string, } | { "type": "mls_commit",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Which circle.
 */
group: string,
/**
 * The epoch it was made in.
 */
epoch: number,
/**
 * The commit.
 */
commit: string,
/**
 * For those it adds; `null` when it adds nobody.
 */
welcome: string | null,
/**
 * Whom it adds: of those who wait for it.
 */
added: Array<string>,
/**
 * Whose older leaf it removes: of those who are gone or are added anew.
 */
removed: Array<string>, } | { "type": "mls_ready",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Which circle.
 */
group: string,
/**
 * Which epoch.
 */
epoch: number, } | { "type": "mls_resume",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Which circle.
 */
group: string,
/**
 * The newest epoch the page has.
 */
epoch: number, } | { "type": "mls_say",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Who gets it.
 */
audience: SayAudience,
/**
 * What, which the server cannot read.
 */
sealed: string, } | { "type": "mls_ask_admission",
/**
 * Echoed in the answer.
 */
requestId: RequestId, } | { "type": "mls_admit",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * To whom.
 */
participant: string,
/**
 * The admission.
 */
admission: string, } | { "type": "mls_open_poll",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * The question and its answers.
 */
sealed: string, } | { "type": "mls_vote",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Which question.
 */
poll: number,
/**
 * The answer, for whoever asked.
 */
ballot: string, } | { "type": "release_keys",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * Which recording.
 */
recording: string,
/**
 * An age file, sealed to every key of [`crate::RecordingInfo::recipients`].
 */
sealed: string, } | { "type": "what_is_known",
/**
 * Answered by `known`.
 */
requestId: RequestId, } | { "type": "probe",
/**
 * Echoed in the answer.
 */
requestId: RequestId,
/**
 * The session description (RFC 8866), as the browser made it. Nothing is published.
 */
sdp: string, } | { "type": "leave", } | { "type": "ping", };

/**
 * Whom people ask first: nobody but the establishment itself. Public, as the notice is.
 */
export type Contacts = {
/**
 * Name of the establishment.
 */
controller: string,
/**
 * Generic address of its data-protection officer.
 */
dpo: string,
/**
 * Its technical support.
 */
support: string, };

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
moderatorVerifier: string,
/**
 * `null` where the browser cannot make one; then the role cannot be passed on in the room.
 */
hostKey: string | null,
/**
 * Where the rules start.
 */
profile: Profile,
/**
 * How the room is end-to-end encrypted, which needs a host key; `null` when it is not.
 */
encryption: RoomEncryption | null, };

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
 * Word of the host key that one participant of one room is a moderator. Worth nothing to anybody
 * else.
 */
export type Delegation = {
/**
 * Until when it can be shown, in seconds since 1970-01-01 UTC.
 */
expiresAt: number,
/**
 * By the host key, of [`DELEGATION_LABEL`], the 16 bytes of the room, the 8 bytes of the
 * participant, and `expires_at` as 8 bytes, most significant first.
 */
signature: string, };

/**
 * One thing that was looked at.
 */
export type DoctorFinding = {
/**
 * What it is about, in one word that does not change with the language.
 */
check: string,
/**
 * How it is.
 */
level: DoctorLevel,
/**
 * One sentence.
 */
text: string,
/**
 * One line that mends it; `null` when all is well.
 */
cure: string | null, };

/**
 * How something is, best first.
 */
export type DoctorLevel = "ok" | "warn" | "fail";

/**
 * Answer to `GET /api/doctor`.
 */
export type DoctorReport = {
/**
 * In the order in which they are mended best.
 */
findings: Array<DoctorFinding>, };

/**
 * What `joined` says in an encrypted room.
 */
export type EncryptionInfo = {
/**
 * Of the room. The page takes it only with the fingerprint that stands in its link.
 */
hostKey: string,
/**
 * The circle there is; `null` when whoever comes makes it.
 */
circle: CirclePlace | null,
/**
 * The admission that a moderator signed for this page's member key, if any.
 */
admission: string | null, };

/**
 * Why a request was refused or a session ended. Grouped by whose fault it is.
 */
export type ErrorCode = "malformed" | "message_too_large" | "rate_limited" | "protocol_version" | "not_joined" | "already_joined" | "name_invalid" | "offer_invalid" | "slot_unknown" | "track_unknown" | "token_invalid" | "join_refused" | "room_full" | "room_ended" | "room_locked" | "link_ended" | "delegation_invalid" | "host_key_missing" | "not_allowed" | "not_there" | "incidents_off" | "incidents_full" | "recording_off" | "recording_forbidden" | "recording_running" | "no_recording" | "terms_invalid" | "authorisations_missing" | "encryption_required" | "not_encrypted" | "mls_stale" | "host_pass_required" | "restarting" | "overloaded" | "internal";

/**
 * Why a session ended in order.
 */
export type GoodbyeReason = "left" | "server_restart" | "replaced" | "room_ended" | "meeting_ended" | "ejected" | "entry_refused";

/**
 * Which group somebody belongs to now.
 */
export type GroupPlace = {
/**
 * Who.
 */
participant: string,
/**
 * The group, numbered from 0 and below [`MAX_GROUPS`]; `null` for the whole class.
 */
group: number | null, };

/**
 * Everything the control plane holds in memory about one participant. The media plane holds, besides,
 * the address pairs and keys of their connection and the packets of the last moments.
 */
export type Known = {
/**
 * A number drawn for this meeting.
 */
participant: string,
/**
 * The pseudonym.
 */
displayName: string,
/**
 * What they may decide.
 */
role: Role,
/**
 * The role of their link.
 */
linkRole: Role,
/**
 * What made them a moderator, where their link did not.
 */
delegation: Delegation | null,
/**
 * The number of their personal link.
 */
handle: string | null,
/**
 * What they were granted beyond the rules.
 */
granted: Rights,
/**
 * True when moderators alone see their camera.
 */
moderatorsOnly: boolean,
/**
 * Their group.
 */
group: number | null,
/**
 * What they hold up.
 */
opinion: Opinion | null,
/**
 * Their place among raised hands, from 1.
 */
hand: number | null,
/**
 * That they answered the open question, not what.
 */
hasVoted: boolean,
/**
 * What they answered to the recording that runs.
 */
recordingAnswer: boolean | null,
/**
 * The line of its journal that holds that answer.
 */
recordingReceipt: string | null,
/**
 * Whether they are heard to speak.
 */
isSpeaking: boolean,
/**
 * Whether everybody is shown them large.
 */
isSpotlit: boolean,
/**
 * Lines and gestures they may send at once.
 */
wordsLeft: number,
/**
 * Encrypted rooms: all that is held about their part in the circle.
 */
circle: KnownMember | null,
/**
 * Which they were in the order of arrival, from 1.
 */
arrival: number,
/**
 * Sources that are on.
 */
active: Array<TrackSource>,
/**
 * Sources that somebody else stopped.
 */
stopped: Array<TrackSource>,
/**
 * How good their connection is.
 */
quality: Quality,
/**
 * What each of their receiving sections carries.
 */
slots: Array<KnownSlot>,
/**
 * Sections held back for want of room on their path.
 */
pausedSlots: Array<string>,
/**
 * Sections their browser cannot play.
 */
unplayableSlots: Array<string>,
/**
 * Layers of their pictures that somebody watches.
 */
layersWanted: Array<KnownLayers>,
/**
 * Whether their page is still to hear that a new offer is wanted.
 */
missedOfferWanted: boolean,
/**
 * Offers under way.
 */
offers: number,
/**
 * The hash of what their link proves.
 */
link: string | null,
/**
 * The address their signaling comes from.
 */
address: string | null, };

/**
 * Layers of one picture.
 */
export type KnownLayers = {
/**
 * Which picture.
 */
source: TrackSource,
/**
 * Names of the layers.
 */
rids: Array<string>, };

/**
 * What an encrypted room holds about one participant, none of which opens anything.
 */
export type KnownMember = {
/**
 * The public key their page signs with.
 */
memberKey: string | null,
/**
 * The admission a moderator signed for that key.
 */
admission: string | null,
/**
 * The `KeyPackage` by which they wait to be added.
 */
keyPackage: string | null,
/**
 * The epoch in which they became a member.
 */
firstEpoch: number | null,
/**
 * The newest epoch they said that they have.
 */
readyEpoch: number | null,
/**
 * Sealed messages they may send at once.
 */
messagesLeft: number,
/**
 * And how much in them, in KiB.
 */
kibibytesLeft: number, };

/**
 * A receiving section.
 */
export type KnownSlot = {
/**
 * Its `a=mid`.
 */
mid: string,
/**
 * What it was last asked to carry.
 */
track: TrackId | null, };

/**
 * A language Préau speaks.
 */
export type Language = "fr" | "en";

/**
 * A question that is open, as somebody who comes late sees it.
 */
export type OpenPoll = {
/**
 * Number of the poll in this room.
 */
poll: number,
/**
 * The question.
 */
question: string,
/**
 * The answers to choose from, two to ten.
 */
choices: Array<string>,
/**
 * Ballots cast so far.
 */
ballots: number, };

/**
 * The rules that a moderator may change at any time.
 */
export type OpenRules = {
/**
 * True when guests wait until a moderator lets them in.
 */
lobby: boolean,
/**
 * True when no guest enters any more, nor waits.
 */
locked: boolean,
/**
 * Until when guests enter, in seconds since 1970-01-01 UTC; `null` as long as the room lives.
 */
guestsUntil: number | null,
/**
 * True when there are minors among the guests, who are recorded only where whoever starts says
 * that their guardians have allowed it.
 */
minors: boolean,
/**
 * What guests may do.
 */
guests: Rights, };

/**
 * What somebody holds up until they take it down. Everybody sees how many do, nobody who.
 */
export type Opinion = "yes" | "no" | "slower" | "faster";

/**
 * How many hold up what.
 */
export type OpinionTotals = {
/**
 * Yes.
 */
yes: number,
/**
 * No.
 */
no: number,
/**
 * Slower.
 */
slower: number,
/**
 * Faster.
 */
faster: number, };

/**
 * What the server knows of the page's own participant that the page cannot know after a reload.
 */
export type OwnState = {
/**
 * The group they are in; `null` for the whole class.
 */
group: number | null,
/**
 * What they hold up.
 */
opinion: Opinion | null,
/**
 * True when moderators alone see their camera.
 */
moderatorsOnly: boolean,
/**
 * True when they have answered the open question.
 */
hasVoted: boolean,
/**
 * Sources that were stopped, as `source_stopped` tells, and that the page has not yet said to
 * be off: it may have missed the word.
 */
stopped: Array<TrackSource>, };

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
away: boolean,
/**
 * The group they are in; `null` for the whole class.
 */
group: number | null,
/**
 * Moderators only: the personal link they came by. Only the page that made it knows whose it
 * is.
 */
handle: string | null,
/**
 * Moderators only: what was granted to them beyond the rules.
 */
granted: Rights | null, };

/**
 * What kind of meeting a room was made for: where its rules start.
 */
export type Profile = "classe" | "sensible" | "reunion" | "audio";

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
 * A gesture that everybody sees for a moment.
 */
export type Reaction = "agree" | "applause" | "heart" | "laugh" | "surprise" | "celebrate";

/**
 * One key that opens a recording, and whose it is.
 */
export type RecipientInfo = {
/**
 * As the establishment calls it; `null` for the key of the moderator link.
 */
name: string | null,
/**
 * The key.
 */
key: string, };

/**
 * Why a recording ended.
 */
export type RecordingEnd = "stopped" | "disk_full" | "failed" | "room_ended";

/**
 * All that everybody present is told of a recording.
 */
export type RecordingInfo = {
/**
 * Which.
 */
recording: string,
/**
 * What it is for, for how long, for whom.
 */
terms: RecordingTerms,
/**
 * Who asks.
 */
askedBy: string,
/**
 * Their pseudonym when they asked.
 */
askedByName: string,
/**
 * Every key that opens it: of the moderator link first, then the establishment's.
 */
recipients: Array<RecipientInfo>,
/**
 * Encrypted rooms: the host key's word that this is what was asked, as whoever started it gave it.
 * Over `preau recording v1`, the room, the recording, who asks, and the SHA-256 of a list of texts,
 * each behind its length of two bytes: purpose, details, days, audience, then name and key of each
 * recipient. Pages check it; the server does not.
 */
recipientsSignature: string | null,
/**
 * Since when it runs, in seconds since 1970-01-01 UTC.
 */
startedAt: number,
/**
 * [`RECORDING_TEXT_VERSION`] of the sentences that people answered to.
 */
textVersion: number, };

/**
 * What this server lets be recorded.
 */
export type RecordingPolicy = {
/**
 * Most days a recording is kept.
 */
maxDays: number,
/**
 * The establishment's keys, to which every recording is sealed beside the moderator link's.
 */
recipients: Array<RecipientInfo>, };

/**
 * What a recording is for.
 */
export type RecordingPurpose = "absent_pupils" | "revision" | "training" | "minutes" | "other";

/**
 * What is said before anything is recorded. There is no recording without all of it.
 */
export type RecordingTerms = {
/**
 * What it is for.
 */
purpose: RecordingPurpose,
/**
 * The same in words, 1 to [`MAX_TERM_CHARS`] characters.
 */
details: string,
/**
 * Days until the server deletes it, from 1 to [`RecordingPolicy::max_days`].
 */
retentionDays: number,
/**
 * Who will have access, in words, 1 to [`MAX_TERM_CHARS`] characters.
 */
audience: string, };

/**
 * What a page shows to the relay (TURN over TLS, RFC 8656) at the address and port from which it was
 * itself loaded. The relay reaches this server's media and nothing else.
 */
export type RelayAccess = {
/**
 * Until when it is good, in seconds since 1970, and a random mark.
 */
username: string,
/**
 * Follows from the user name; the server keeps neither.
 */
password: string, };

/**
 * Number a browser gives to a request, echoed in its one answer.
 */
export type RequestId = number;

/**
 * What somebody may do in a room beyond being there and receiving.
 */
export type Rights = {
/**
 * Speak.
 */
microphone: boolean,
/**
 * Show themselves.
 */
camera: boolean,
/**
 * Share a screen, with its sound.
 */
screen: boolean,
/**
 * Write to everybody. Writing to the moderators is always possible.
 */
chat: boolean,
/**
 * Change their pseudonym.
 */
rename: boolean, };

/**
 * What a participant may do, decided by the link they hold.
 */
export type Role = "guest" | "moderator";

/**
 * How a room is end-to-end encrypted. Fixed when the room is made; the link says the same.
 */
export type RoomEncryption = {
/**
 * True when the link alone lets somebody into the circle; false when a signature of a moderator
 * or of a personal link is needed beside it.
 */
open: boolean,
/**
 * True when whole frames of any codec are sealed and sent as they are (`a=packetization:raw`).
 */
raw: boolean, };

/**
 * The rules of a room, kept with it across restarts.
 */
export type RoomRules = {
/**
 * Where the rules started.
 */
profile: Profile,
/**
 * Most participants present at once.
 */
maxParticipants: number,
/**
 * False when no picture is ever negotiated, by nobody. Fixed when the room is made.
 */
video: boolean,
/**
 * How everything said and shown is end-to-end encrypted; `null` when it is not. Fixed when the
 * room is made.
 */
encryption: RoomEncryption | null,
/**
 * What a moderator may change at any time.
 */
open: OpenRules, };

/**
 * What goes on in a room, as somebody who comes late sees it.
 */
export type RoomState = {
/**
 * Raised hands of the own group, first raised first.
 */
hands: Array<string>,
/**
 * How many hold up what.
 */
opinions: OpinionTotals,
/**
 * What is left of the timer, in milliseconds.
 */
timerMs: number | null,
/**
 * Who is shown large to everybody.
 */
spotlight: string | null,
/**
 * The open question, if there is one.
 */
poll: OpenPoll | null,
/**
 * The same in an encrypted room.
 */
sealedPoll: SealedPoll | null,
/**
 * The recording that runs, if there is one. Nobody who comes is taken to have answered it,
 * whatever they said before.
 */
recording: RecordingInfo | null, };

/**
 * Who gets what is said inside the circle.
 */
export type SayAudience = "everybody" | "group" | "moderators" | { "one": string };

/**
 * A sealed question that is open, as somebody who comes late sees it.
 */
export type SealedPoll = {
/**
 * Number of the poll in this room.
 */
poll: number,
/**
 * The question.
 */
sealed: string,
/**
 * Who asks.
 */
by: string,
/**
 * Ballots cast so far.
 */
ballots: number, };

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
hostPassRequired: boolean,
/**
 * Public key (a recipient of age) that incident reports are sealed to; `null` when none can be
 * made here.
 */
incidentRecipient: string | null,
/**
 * What may be recorded here; `null` when nothing may.
 */
recording: RecordingPolicy | null,
/**
 * Whom people ask; `null` when nobody answers for this server yet.
 */
contacts: Contacts | null,
/**
 * True when the server is only tried.
 */
trial: boolean, };

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
rules: RoomRules,
/**
 * What the page may do under them.
 */
rights: Rights,
/**
 * Generation of the guest link that is good now.
 */
linkGeneration: number,
/**
 * What goes on.
 */
state: RoomState,
/**
 * What the page's own part in it is.
 */
own: OwnState,
/**
 * Encrypted rooms: what the page needs to become a member of the circle.
 */
encryption: EncryptionInfo | null, } | { "type": "waiting",
/**
 * Who the browser will be.
 */
participant: string,
/**
 * Session token (JWT) to keep the place across a reload.
 */
resume: string, } | { "type": "waiting_changed",
/**
 * All of them, first come first.
 */
waiting: Array<WaitingInfo>, } | { "type": "rules_changed",
/**
 * All of them.
 */
rules: RoomRules,
/**
 * What this page may do under them.
 */
rights: Rights, } | { "type": "source_stopped",
/**
 * Which source.
 */
source: TrackSource, } | { "type": "invited",
/**
 * To what.
 */
source: TrackSource, } | { "type": "granted_changed",
/**
 * To whom.
 */
participant: string,
/**
 * All of it.
 */
granted: Rights, } | { "type": "role_changed",
/**
 * Who.
 */
participant: string,
/**
 * What they are now.
 */
role: Role,
/**
 * The one it is about, made a moderator: what to show in `join` from now on.
 */
delegation: Delegation | null, } | { "type": "link_rotated",
/**
 * Its generation.
 */
generation: number, } | { "type": "hands_changed",
/**
 * First raised first.
 */
hands: Array<string>, } | { "type": "reacted",
/**
 * Who.
 */
participant: string,
/**
 * Which.
 */
reaction: Reaction, } | { "type": "opinions_changed",
/**
 * All of them.
 */
totals: OpinionTotals,
/**
 * True when all were taken down at once, the page's own among them.
 */
cleared: boolean, } | { "type": "timer_changed",
/**
 * What is left, in milliseconds; `null` when there is none.
 */
timerMs: number | null, } | { "type": "spotlight_changed",
/**
 * Whom.
 */
participant: string | null, } | { "type": "chatted",
/**
 * Who.
 */
participant: string,
/**
 * Who reads it.
 */
audience: ChatAudience,
/**
 * Plain text.
 */
text: string, } | { "type": "announced",
/**
 * Who.
 */
participant: string,
/**
 * Plain text.
 */
text: string, } | { "type": "poll_changed",
/**
 * All about it.
 */
poll: OpenPoll, } | { "type": "poll_closed",
/**
 * Which.
 */
poll: number,
/**
 * How many chose each answer. Who chose what is kept nowhere.
 */
results: Array<number>, } | { "type": "groups_changed",
/**
 * Who was moved where.
 */
places: Array<GroupPlace>, } | { "type": "help_called",
/**
 * Who.
 */
participant: string, } | { "type": "recording_changed",
/**
 * The one that runs; `null` when none does.
 */
recording: RecordingInfo | null,
/**
 * Why the last one ended; `null` when one runs.
 */
end: RecordingEnd | null, } | { "type": "answers_changed",
/**
 * Yes.
 */
accepted: number,
/**
 * No, or not any more.
 */
refused: number,
/**
 * Not yet, which is no as well.
 */
unanswered: number, } | { "type": "mls_wanted",
/**
 * Who.
 */
participant: string,
/**
 * By what.
 */
keyPackage: string, } | { "type": "mls_committed",
/**
 * Of which circle.
 */
group: string,
/**
 * The epoch that begins with it.
 */
epoch: number,
/**
 * The commit.
 */
commit: string,
/**
 * Whose.
 */
by: string, } | { "type": "mls_welcome",
/**
 * Of which circle.
 */
group: string,
/**
 * The epoch they come into.
 */
epoch: number,
/**
 * What the commit's maker made for all it added.
 */
welcome: string, } | { "type": "mls_all_ready",
/**
 * Of which circle.
 */
group: string,
/**
 * Which epoch.
 */
epoch: number, } | { "type": "mls_lost", } | { "type": "mls_said",
/**
 * Who.
 */
participant: string,
/**
 * Who gets it.
 */
audience: SayAudience,
/**
 * What, which the server cannot read.
 */
sealed: string, } | { "type": "mls_admission_asked",
/**
 * Who.
 */
participant: string,
/**
 * The key it is to be for.
 */
memberKey: string, } | { "type": "mls_admission",
/**
 * The admission.
 */
admission: string, } | { "type": "mls_poll_opened",
/**
 * Number of the poll in this room.
 */
poll: number,
/**
 * The question.
 */
sealed: string,
/**
 * Who asks.
 */
by: string, } | { "type": "mls_ballots_counted",
/**
 * Which.
 */
poll: number,
/**
 * How many in all.
 */
ballots: number, } | { "type": "mls_ballots",
/**
 * Which.
 */
poll: number,
/**
 * All of them.
 */
ballots: Array<string>, } | { "type": "mls_poll_closed",
/**
 * Which.
 */
poll: number, } | { "type": "recording_answered",
/**
 * Of the answer.
 */
requestId: RequestId,
/**
 * The line of the recording's journal that holds the answer, as JSON, signed by the server:
 * for the person to keep.
 */
receipt: string, } | { "type": "known",
/**
 * Of the question.
 */
requestId: RequestId,
/**
 * Everything.
 */
known: Known, } | { "type": "answer",
/**
 * Of the offer or the probe.
 */
requestId: RequestId,
/**
 * The session description to apply.
 */
sdp: string,
/**
 * For a page that finds no path to the addresses in it; `null` where there is no relay.
 */
relay: RelayAccess | null, } | { "type": "done",
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
quality: Quality, } | { "type": "restart_announced",
/**
 * When at the latest, in milliseconds from now.
 */
restartMs: number, } | { "type": "goodbye",
/**
 * Why, so that the page knows whether to come back.
 */
reason: GoodbyeReason,
/**
 * What a moderator said to it, if anything.
 */
note: string | null, } | { "type": "pong", };

/**
 * Word of a moderator that somebody who waits may be in the circle.
 */
export type SignedAdmission = {
/**
 * Who.
 */
participant: string,
/**
 * For their member key.
 */
admission: string, };

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

/**
 * Somebody who asks to be let in, as moderators see them.
 */
export type WaitingInfo = {
/**
 * Who they will be.
 */
participant: string,
/**
 * Their pseudonym; a neutral one of the server's in an encrypted room.
 */
displayName: string,
/**
 * Encrypted rooms: their pseudonym, for those who hold the link.
 */
sealedName: string | null,
/**
 * Encrypted rooms: the key that an admission is for.
 */
memberKey: string | null, };

//! Bytes that reach the signaling plane.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use protocol::{
    ChatAudience, CircleId, ClientMessage, Delegation, ErrorCode, GroupPlace, Language, MemberKey,
    ParticipantId, Profile, PublishedMid, Quality, RecordingId, RecordingPurpose, RecordingTerms,
    Redacted, RequestId, Role, RoomEncryption, RoomRules, SayAudience, Sealed, ServerMessage,
    Signature, SignedAdmission, SlotRequest, TrackId, TrackSource, Verifier,
};
use room::{
    Input, Join, MediaAnswer, MediaRequest, Output, RecordingRequest, Resume, Room, RoomConfig,
    SessionId, Slot, rules_of,
};

/// A message of a browser: refused, or the same after being written and read again. The first of a
/// session is a `join` or a `probe`.
pub fn client_message(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let first = signaling::outside::first_message(text);
        let is_message = serde_json::from_slice::<ClientMessage>(data).is_ok();
        assert!(is_message || first.is_err(), "what is no message begins nothing");
    }
    let Ok(message) = serde_json::from_slice::<ClientMessage>(data) else { return };
    let text = serde_json::to_string(&message).expect("a message can be written");
    let again: ClientMessage = serde_json::from_str(&text).expect("what was written can be read");
    assert_eq!(again, message);
    // Nothing a browser calls a name, a secret or an offer shows when printed.
    let printed = format!("{message:?}");
    if let ClientMessage::Rename { display_name, .. } = &message {
        let name = display_name.expose();
        assert!(name.chars().count() < 12 || !printed.contains(name.as_str()));
    }
}

/// Most participants of the fuzzed room.
const PLACES: u16 = 4;

/// Anything happens to a room, in clear and encrypted, in any order: its promises hold after each
/// step.
pub fn room_sequence(data: &[u8]) {
    for is_encrypted in [false, true] {
        let mut now = Instant::now();
        let mut model = Model::new(now, is_encrypted);
        for step in data.chunks_exact(4) {
            let &[operation, who, what, value] = step else { return };
            model.step(&mut now, operation, who, what, value);
        }
    }
}

/// What an observer of a room knows.
struct Model {
    room: Room,
    is_encrypted: bool,
    /// Participants by live session.
    sessions: BTreeMap<SessionId, ParticipantId>,
    /// Sessions that wait to be let in.
    waiting: BTreeSet<SessionId>,
    /// Participants with a transport.
    transports: BTreeSet<ParticipantId>,
    /// Negotiations without answer.
    open: Vec<(ParticipantId, u64)>,
    next_session: u64,
    next_request: u32,
}

impl Model {
    fn new(now: Instant, is_encrypted: bool) -> Self {
        let encryption = is_encrypted.then_some(RoomEncryption { open: true, raw: false });
        let rules = RoomRules { encryption, ..rules_of(Profile::Classe, PLACES) };
        let expires_at = now.checked_add(Duration::from_secs(4_000));
        Self {
            room: Room::new(
                now,
                RoomConfig { rules, link_generation: 0, recording_days: Some(30), expires_at },
            ),
            is_encrypted,
            sessions: BTreeMap::new(),
            waiting: BTreeSet::new(),
            transports: BTreeSet::new(),
            open: Vec::new(),
            next_session: 0,
            next_request: 0,
        }
    }

    fn step(&mut self, now: &mut Instant, operation: u8, who: u8, what: u8, value: u8) {
        let session = self.sessions.keys().nth(usize::from(who) % 8).copied();
        let session = session.unwrap_or(SessionId(u64::MAX));
        let participant = ParticipantId::from_bytes([who % 6; 8]);
        let mut asked = None;
        match operation % 10 {
            0 | 1 => {
                self.next_session += 1;
                let session = SessionId(self.next_session);
                let role = if what & 1 == 0 { Role::Guest } else { Role::Moderator };
                let resume = (what & 2 != 0).then(|| Resume {
                    participant: ParticipantId::from_bytes([value % 6; 8]),
                    admitted: what & 8 != 0,
                });
                let handle = (what & 16 != 0).then(|| Verifier::from_bytes([value; 32]).into());
                let is_named = what & 4 != 0 && !self.is_encrypted;
                let display_name = is_named.then(|| Redacted::new(name(value)));
                let participant = ParticipantId::from_bytes(self.next_session.to_be_bytes());
                let language = Language::Fr;
                let join = Join {
                    session,
                    participant,
                    role,
                    link_generation: (what & 32 == 0).then_some(0),
                    resume,
                    delegation: (what & 64 != 0).then(|| delegation(value)),
                    handle,
                    display_name,
                    language,
                    member_key: self.is_encrypted.then(|| MemberKey::from_bytes([value % 4; 32])),
                    sealed_name: None,
                };
                let before = self.sessions.len();
                self.room.handle(*now, Input::Join(join));
                self.drain(*now, Some(session), None);
                assert!(self.sessions.len() <= before + 1);
                return;
            }
            2 => {
                // Whoever speaks on it afterwards is nobody.
                self.sessions.remove(&session);
                self.room.handle(*now, Input::SessionLost { session });
            }
            3 => {
                let index = usize::from(value) % self.open.len().max(1);
                if index < self.open.len() {
                    let (participant, negotiation) = self.open.remove(index);
                    let result = if what & 3 == 0 {
                        Err(ErrorCode::OfferInvalid)
                    } else {
                        let slot = |mid: u8| Slot { mid: mid.to_string(), is_video: mid % 2 == 1 };
                        let slots = (0..what % 8).map(slot).collect();
                        Ok(MediaAnswer { sdp: Redacted::new(String::new()), slots })
                    };
                    self.room.handle(*now, Input::Negotiated { participant, negotiation, result });
                }
            }
            4 => {
                *now += Duration::from_millis(u64::from(value) * u64::from(what) * 40);
                self.room.handle_timeout(*now);
            }
            5 if what == 255 => self.room.handle(*now, Input::MediaFailed),
            5 if what == 254 => self.room.handle(*now, Input::ServerStopping),
            5 if what == 253 => self.room.handle(*now, Input::OfferWanted { participant }),
            5 if what == 252 => {
                let (source, rids) = (TrackSource::Camera, vec!["h".to_owned()]);
                self.room.handle(*now, Input::LayersWanted { participant, source, rids });
            }
            5 if what > 250 => {
                let participants = vec![participant];
                self.room.handle(*now, Input::Speakers { participants });
            }
            5 if what == 250 => {
                let mids = vec![value.to_string()];
                self.room.handle(*now, Input::SlotsPaused { participant, mids });
            }
            5 if what == 247 => {
                let at = *now + Duration::from_secs(value.into());
                self.room.handle(*now, Input::RestartAnnounced { at });
            }
            5 if what == 249 => {
                let quality = [Quality::Good, Quality::Fair, Quality::Poor][usize::from(value % 3)];
                self.room.handle(*now, Input::QualityChanged { participant, quality });
            }
            5 if what == 248 => {
                let mids = vec![value.to_string()];
                self.room.handle(*now, Input::SlotsUnplayable { participant, mids });
            }
            5 if what > 240 => self.room.handle(*now, Input::MediaRefused { participant }),
            _ => {
                self.next_request += 1;
                let request_id = RequestId(self.next_request);
                let message = if self.is_encrypted && operation.is_multiple_of(2) {
                    of_the_circle(what, value, request_id, participant)
                } else {
                    message(what, value, request_id, participant)
                };
                if self.sessions.contains_key(&session) {
                    asked = message.request_id().map(|request_id| (session, request_id));
                }
                self.room.handle(*now, Input::Said { session, message });
            }
        }
        self.drain(*now, None, asked);
    }

    /// Takes the outputs and holds the room to what it promises.
    fn drain(
        &mut self,
        now: Instant,
        joining: Option<SessionId>,
        asked: Option<(SessionId, RequestId)>,
    ) {
        let mut answers = 0;
        let mut negotiates = false;
        let mut ended = BTreeSet::new();
        while let Some(output) = self.room.poll_output() {
            match output {
                Output::Welcome(welcome) => {
                    let waited = self.waiting.remove(&welcome.session);
                    assert!(waited || Some(welcome.session) == joining, "who asked is welcomed");
                    let others = welcome.participants.iter().map(|info| info.participant);
                    assert!({ others }.all(|other| other != welcome.participant));
                    self.sessions.insert(welcome.session, welcome.participant);
                }
                Output::Wait(wait) => {
                    assert_eq!(Some(wait.session), joining, "only who joins waits");
                    self.waiting.insert(wait.session);
                }
                Output::CheckDelegation { session, request_id, participant, delegation } => {
                    let is_good = delegation.expires_at % 3 > 0;
                    let result = is_good.then_some(()).ok_or(ErrorCode::DelegationInvalid);
                    let checked = Input::DelegationChecked {
                        session,
                        request_id,
                        participant,
                        delegation,
                        result,
                    };
                    self.room.handle(now, checked);
                }
                Output::Keep { session, request_id, .. }
                | Output::Report { session, request_id, .. } => {
                    answers += usize::from(asked == Some((session, request_id)));
                }
                Output::Send { session, message } => {
                    let known = self.sessions.contains_key(&session)
                        || self.waiting.contains(&session)
                        || joining == Some(session);
                    assert!(known && !ended.contains(&session), "{message:?} to nobody");
                    assert!(!self.is_encrypted || !is_clear(&message), "in clear: {message:?}");
                    if asked.is_some_and(|(s, id)| s == session && is_answer(&message, id)) {
                        answers += 1;
                    }
                }
                Output::End { session, .. } => {
                    assert!(ended.insert(session), "ended twice");
                    let was_here = self.sessions.remove(&session).is_some();
                    let waited = self.waiting.remove(&session);
                    assert!(was_here || waited || joining == Some(session));
                }
                Output::Media(request) => negotiates |= self.media(request),
                Output::Recording(request) => self.record(now, request),
                Output::Idle | Output::Ended => {}
            }
        }
        if let Some((session, _)) = asked
            && self.sessions.contains_key(&session)
        {
            let expected = usize::from(!negotiates);
            assert_eq!(answers, expected, "a request has one answer, now or after negotiation");
        }
        assert!(self.room.participant_count() <= usize::from(PLACES));
        assert_eq!(self.transports.len(), self.room.participant_count());
        let present: BTreeSet<_> = self.sessions.values().collect();
        assert_eq!(present.len(), self.sessions.len(), "one session for each participant");
    }

    /// Keeps what a recording's journal would, at once.
    fn record(&mut self, now: Instant, request: RecordingRequest) {
        let done = match request {
            RecordingRequest::Begin(wish) => Input::RecordingBegun {
                session: wish.session,
                request_id: wish.request_id,
                authorisations: wish.authorisations,
                result: Ok(wish.into_info(vec![], 0, 1)),
            },
            RecordingRequest::Write { number, .. } => {
                Input::AnswerWritten { number, result: Ok(Redacted::new(String::new())) }
            }
            RecordingRequest::Release { session, request_id, .. } => {
                Input::KeysReleased { session, request_id, result: Ok(()) }
            }
            RecordingRequest::End { .. } => return,
        };
        self.room.handle(now, done);
    }

    fn media(&mut self, request: MediaRequest) -> bool {
        match request {
            MediaRequest::AddTransport { participant } => {
                assert!(self.transports.insert(participant), "added twice");
            }
            MediaRequest::RemoveTransport { participant } => {
                assert!(self.transports.remove(&participant), "removed twice");
                self.open.retain(|(whose, _)| *whose != participant);
            }
            MediaRequest::Negotiate { participant, negotiation, .. } => {
                assert!(self.transports.contains(&participant));
                self.open.push((participant, negotiation));
                return true;
            }
            MediaRequest::SetPublishing { participant, .. }
            | MediaRequest::SetRecordable { participant, .. }
            | MediaRequest::SetEpochGate { participant, .. }
            | MediaRequest::SetReception { participant, .. } => {
                assert!(self.transports.contains(&participant));
            }
            MediaRequest::Subscribe { participant, slots } => {
                assert!(self.transports.contains(&participant));
                for track in slots.iter().filter_map(|slot| slot.track) {
                    assert!(self.transports.contains(&track.participant), "a stranger's track");
                }
            }
        }
        false
    }
}

fn message(what: u8, value: u8, request_id: RequestId, other: ParticipantId) -> ClientMessage {
    let source = TrackSource::ALL[usize::from(value) % 4];
    if what & 8 != 0 {
        return about(what / 16, value, request_id, other);
    }
    match what % 8 {
        0 | 1 => ClientMessage::Offer {
            request_id,
            sdp: Redacted::new("v=0".to_owned()),
            publish: vec![PublishedMid { mid: value.to_string(), source }],
        },
        2 | 3 => ClientMessage::Subscribe {
            request_id,
            slots: vec![SlotRequest {
                mid: (value % 9).to_string(),
                track: (value > 20).then_some(TrackId { participant: other, source }),
                max_height: Some(u16::from(value)),
            }],
        },
        4 => ClientMessage::SetPublishing { request_id, source, active: value > 127 },
        5 => ClientMessage::Rename { request_id, display_name: Redacted::new(name(value)) },
        6 if value < 30 => ClientMessage::SetReception { request_id, saving: value > 9 },
        6 if value > 200 => ClientMessage::Leave {},
        _ => ClientMessage::Ping {},
    }
}

fn delegation(value: u8) -> Delegation {
    let signature = Signature::from_bytes([value; 64]).into();
    Delegation { expires_at: value.into(), signature }
}

/// What moderators say, and class life.
fn about(what: u8, value: u8, request_id: RequestId, participant: ParticipantId) -> ClientMessage {
    let source = TrackSource::ALL[usize::from(value) % 4];
    let is_odd = value % 2 == 1;
    let somebody = is_odd.then_some(participant);
    match what {
        0 => {
            let participants = somebody.map(|id| vec![id]);
            ClientMessage::Admit { request_id, participants, admissions: vec![] }
        }
        1 => ClientMessage::RefuseEntry { request_id, participant, reason: None },
        2 => ClientMessage::StopSource { request_id, participant: somebody, source },
        3 => ClientMessage::Grant { request_id, participant, source, granted: is_odd },
        4 => ClientMessage::Eject { request_id, participant },
        5 => {
            let role = if is_odd { Role::Moderator } else { Role::Guest };
            let delegation = (value > 9).then(|| delegation(value));
            ClientMessage::SetRole { request_id, participant, role, delegation }
        }
        6 => {
            let rules = rules_of(Profile::ALL[usize::from(value) % 4], PLACES).open;
            let was = rules_of(Profile::ALL[usize::from(value / 4) % 4], PLACES).open;
            ClientMessage::SetRules { request_id, was, rules }
        }
        7 => {
            let group = (value < 128).then_some(value % 40);
            let places = vec![GroupPlace { participant, group }];
            ClientMessage::SetGroups { request_id, places }
        }
        8 => ClientMessage::RaiseHand { request_id, raised: is_odd },
        9 => ClientMessage::SetAudience { request_id, moderators_only: is_odd },
        10 => {
            let audience = if is_odd { ChatAudience::Everybody } else { ChatAudience::Moderators };
            ClientMessage::Chat { request_id, audience, text: Redacted::new(name(value)) }
        }
        11 => {
            let choices = vec![Redacted::new(name(value)); usize::from(value % 12)];
            let question = Redacted::new(name(value / 2));
            ClientMessage::OpenPoll { request_id, question, choices }
        }
        12 if value > 127 => {
            let recording = RecordingId::from_bytes([value / 2 % 4; 16]);
            ClientMessage::AnswerRecording { request_id, recording, accepted: is_odd }
        }
        13 if value > 127 => ClientMessage::StartRecording {
            request_id,
            recording: RecordingId::from_bytes([value / 2 % 4; 16]),
            terms: RecordingTerms {
                purpose: RecordingPurpose::Other,
                details: Redacted::new(name(value)),
                retention_days: u16::from(value) - 120,
                audience: Redacted::new(name(value)),
            },
            recipient: format!("age1{}", "q".repeat(58)).parse().expect("the shape of a key"),
            recipients_signature: None,
            authorisations: is_odd,
        },
        14 if value > 240 => ClientMessage::StopRecording { request_id },
        14 if value > 238 => ClientMessage::EndMeeting { request_id },
        12 => ClientMessage::Vote { request_id, poll: (value / 8).into(), choice: value % 8 },
        13 => ClientMessage::ClosePoll { request_id },
        14 => ClientMessage::SetTimer { request_id, seconds: is_odd.then_some(value.into()) },
        _ => {
            let handle = Redacted::new(Verifier::from_bytes([value; 32]));
            ClientMessage::RevokeHandle { request_id, handle }
        }
    }
}

/// What members of an encrypted room say, and those who want to be one.
fn of_the_circle(
    what: u8,
    value: u8,
    request_id: RequestId,
    participant: ParticipantId,
) -> ClientMessage {
    let group = CircleId::from_bytes([value % 2; 16]);
    let epoch = u64::from(value / 2 % 8);
    let is_odd = value % 2 == 1;
    match what % 10 {
        0 => ClientMessage::MlsCreate { request_id, group },
        1 => ClientMessage::MlsKeyPackage { request_id, key_package: sealed(value) },
        2 | 3 => {
            let added = if what > 127 { vec![participant] } else { vec![] };
            let removed = if what % 4 == 3 { vec![participant] } else { vec![] };
            let welcome = (what > 127).then(|| sealed(value));
            let commit = sealed(value);
            ClientMessage::MlsCommit { request_id, group, epoch, commit, welcome, added, removed }
        }
        4 => ClientMessage::MlsReady { request_id, group, epoch },
        5 => ClientMessage::MlsResume { request_id, group, epoch },
        6 => {
            let audiences = [
                SayAudience::Everybody,
                SayAudience::Group,
                SayAudience::Moderators,
                SayAudience::One(participant),
            ];
            let audience = audiences[usize::from(value % 4)];
            ClientMessage::MlsSay { request_id, audience, sealed: sealed(value) }
        }
        7 if is_odd => ClientMessage::MlsAskAdmission { request_id },
        7 => ClientMessage::MlsAdmit { request_id, participant, admission: sealed(value) },
        8 if is_odd => ClientMessage::MlsOpenPoll { request_id, sealed: sealed(value) },
        8 => {
            let admissions = vec![SignedAdmission { participant, admission: sealed(value) }];
            ClientMessage::Admit { request_id, participants: None, admissions }
        }
        _ => {
            let poll = u32::from(value / 8);
            ClientMessage::MlsVote { request_id, poll, ballot: sealed(value) }
        }
    }
}

fn sealed<const MAX: usize>(value: u8) -> Redacted<Sealed<MAX>> {
    let text = "A".repeat(4 + usize::from(value) * MAX / 400 / 4 * 4);
    Redacted::new(text.parse().expect("less than the bound"))
}

/// What an encrypted room never says.
fn is_clear(message: &ServerMessage) -> bool {
    matches!(
        message,
        ServerMessage::Chatted { .. }
            | ServerMessage::Announced { .. }
            | ServerMessage::Reacted { .. }
            | ServerMessage::HandsChanged { .. }
            | ServerMessage::OpinionsChanged { .. }
            | ServerMessage::ParticipantRenamed { .. }
            | ServerMessage::PollChanged { .. }
            | ServerMessage::PollClosed { .. }
    )
}

fn name(value: u8) -> String {
    match value % 5 {
        0 => String::new(),
        1 => "  ".to_owned(),
        2 => "x".repeat(usize::from(value)),
        3 => format!("a\u{202e}{}", char::from(value)),
        _ => format!("Élève {value}"),
    }
}

fn is_answer(message: &ServerMessage, id: RequestId) -> bool {
    let is_good = matches!(message,
        ServerMessage::Done { request_id } | ServerMessage::Answer { request_id, .. }
            if *request_id == id)
        || matches!(message,
            ServerMessage::RecordingAnswered { request_id, .. } if *request_id == id);
    let is_refusal = matches!(message,
        ServerMessage::Error { request_id: Some(request_id), .. } if *request_id == id);
    is_good || is_refusal
}

//! The naive truth of a recording beside the room's: whose gate is open must at any time be who has
//! said yes on their present session to the recording that runs, with that yes written down, and it
//! must be open for what is for everybody alone.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use protocol::{
    AgeRecipient, ClientMessage, ErrorCode, ParticipantId, RecordingEnd, RecordingId,
    RecordingPurpose, RecordingTerms, RequestId, TrackSource,
};

use super::View;
use super::step::Saying;
use crate::{Answered, Input, RecordingRequest, RecordingWish, SessionId};

/// What happens around a recording.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Step {
    Begun(bool),
    Written(usize, bool),
    Ended,
    GateShut(usize),
    Erase(usize),
}

impl Step {
    pub(super) const fn who(self) -> usize {
        match self {
            Self::GateShut(who) | Self::Erase(who) => who,
            Self::Begun(_) | Self::Written(..) | Self::Ended => 0,
        }
    }
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::bool::weighted(0.9).prop_map(Step::Begun),
        8 => (0..20_usize, prop::bool::weighted(0.9)).prop_map(|(n, ok)| Step::Written(n, ok)),
        1 => Just(Step::Ended),
        2 => (0..20_usize).prop_map(Step::GateShut),
        1 => (0..20_usize).prop_map(Step::Erase),
    ]
}

/// A recording that runs.
pub(super) fn begun() -> [super::Step; 2] {
    [super::Step::Said(0, Saying::Record(0, 0)), super::Step::Recording(Step::Begun(true))]
}

/// Mostly answers to it, and what becomes of them.
pub(super) fn around() -> impl Strategy<Value = super::Step> {
    let answer =
        (0..4_usize, 3..10_usize, prop::bool::weighted(0.95)).prop_map(|(who, what, is_it)| {
            super::Step::Said(who, Saying::Record(what, u8::from(!is_it)))
        });
    prop_oneof![
        30 => answer,
        20 => (0..20_usize, prop::bool::weighted(0.9))
            .prop_map(|(n, ok)| super::Step::Recording(Step::Written(n, ok))),
        2 => step().prop_map(super::Step::Recording),
        1 => Just(super::Step::Said(0, Saying::Record(0, 0))),
        5 => (0..60_u64).prop_map(super::Step::Wait),
        4 => super::step::step(),
        6 => super::step::of_audience(),
    ]
}

/// Something said about a recording. Of three ids two at least are stale at any time.
pub(super) fn message(what: usize, which: u8) -> ClientMessage {
    let request_id = RequestId(1);
    let recording = RecordingId::from_bytes([which; 16]);
    match what {
        0 | 1 => ClientMessage::StartRecording {
            request_id,
            recording,
            terms: RecordingTerms {
                purpose: RecordingPurpose::Minutes,
                details: "Conseil".to_owned().into(),
                retention_days: 30,
                audience: "Tous".to_owned().into(),
            },
            recipient: recipient(),
            authorisations: what == 0,
            recipients_signature: None,
        },
        2 => ClientMessage::StopRecording { request_id },
        3..7 => ClientMessage::AnswerRecording { request_id, recording, accepted: true },
        _ => ClientMessage::AnswerRecording { request_id, recording, accepted: false },
    }
}

fn recipient() -> AgeRecipient {
    let text = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    text.parse().expect("the shape of a key")
}

/// A yes, as the naive model remembers it.
#[derive(Debug)]
struct Yes {
    recording: RecordingId,
    number: u64,
    is_written: bool,
}

#[derive(Debug, Default)]
pub(super) struct Truth {
    begins: Option<Box<RecordingWish>>,
    pub(super) running: Option<RecordingId>,
    /// Whose gate the media plane holds open, and for what.
    pub(super) gates: BTreeMap<ParticipantId, BTreeSet<TrackSource>>,
    yes: BTreeMap<SessionId, Yes>,
    unwritten: Vec<u64>,
    /// How often the media plane said that somebody's gate is shut, since their last yes.
    shut: BTreeMap<ParticipantId, u32>,
}

impl Truth {
    /// A no counts from the moment it is heard.
    pub(super) fn said(&mut self, session: SessionId, message: &ClientMessage) {
        if let ClientMessage::AnswerRecording { recording, accepted: false, .. } = message
            && self.running == Some(*recording)
        {
            self.yes.remove(&session);
        }
    }

    pub(super) fn input(
        &mut self,
        step: Step,
        participant: ParticipantId,
        views: &BTreeMap<SessionId, View>,
    ) -> Option<Input> {
        Some(match step {
            Step::Begun(works) => {
                let wish = *self.begins.take()?;
                self.running = works.then_some(wish.recording);
                Input::RecordingBegun {
                    session: wish.session,
                    request_id: wish.request_id,
                    authorisations: wish.authorisations,
                    result: works.then(|| wish.into_info(vec![], 0, 1)).ok_or(ErrorCode::Internal),
                }
            }
            Step::Written(choice, works) => {
                let count = self.unwritten.len();
                let number = self.unwritten.remove((count > 0).then(|| choice % count)?);
                if let Some(yes) = self.yes.values_mut().find(|yes| yes.number == number) {
                    yes.is_written = works;
                }
                self.yes.retain(|_, yes| yes.number != number || works);
                let result = works.then(|| String::new().into()).ok_or(ErrorCode::Internal);
                Input::AnswerWritten { number, result }
            }
            Step::Ended => {
                self.running?;
                Input::RecordingEnded { cause: RecordingEnd::DiskFull }
            }
            Step::GateShut(_) => {
                self.gates.remove(&participant);
                *self.shut.entry(participant).or_default() += 1;
                Input::GateShut { participant }
            }
            Step::Erase(_) => {
                let session = views.iter().find(|(_, view)| view.own == participant);
                if let Some((session, _)) = session {
                    self.yes.remove(session);
                }
                Input::EraseRecorded { recording: self.running?, participant }
            }
        })
    }

    pub(super) fn asked(&mut self, request: RecordingRequest, views: &BTreeMap<SessionId, View>) {
        match request {
            RecordingRequest::Begin(wish) => {
                assert!(self.running.is_none(), "two recordings at once");
                assert!(self.begins.replace(wish).is_none(), "two recordings begin");
            }
            RecordingRequest::Write { recording, number, participant, answer, .. } => {
                assert_eq!(Some(recording), self.running, "an answer to nothing");
                let session = views.iter().find(|(_, view)| view.own == participant);
                if let (Answered::Accepted, Some((session, _))) = (answer, session) {
                    let is_written = false;
                    self.shut.remove(&participant);
                    self.yes.insert(*session, Yes { recording, number, is_written });
                }
                if answer != Answered::Left {
                    self.unwritten.push(number);
                }
            }
            RecordingRequest::Release { recording, .. } => {
                assert_eq!(Some(recording), self.running, "keys of nothing");
            }
            RecordingRequest::End { recording, .. } => {
                assert_eq!(Some(recording), self.running.take(), "an end of nothing");
                self.gates.clear();
                // The model uses few ids: another recording of the same one asks anew.
                self.yes.clear();
            }
        }
    }

    pub(super) fn gate(&mut self, participant: ParticipantId, sources: Vec<TrackSource>) {
        assert!(self.running.is_some(), "a gate of nothing");
        self.gates.insert(participant, sources.into_iter().collect());
    }

    pub(super) fn check(
        &self,
        views: &BTreeMap<SessionId, View>,
        is_for_everybody: impl Fn(ParticipantId, TrackSource) -> bool,
    ) {
        let has_said_yes = |session: &SessionId| {
            let yes = self.yes.get(session);
            yes.is_some_and(|yes| Some(yes.recording) == self.running && yes.is_written)
        };
        let accepted = views.iter().filter(|(session, _)| has_said_yes(session));
        let accepted: BTreeSet<_> = accepted.map(|(_, view)| view.own).collect();
        for (who, sources) in &self.gates {
            assert!(sources.is_empty() || accepted.contains(who), "recorded without a yes of now");
            let is_shared = |source: &TrackSource| is_for_everybody(*who, *source);
            assert!(sources.iter().all(is_shared), "recorded though it is not for everybody");
        }
        // A gate that is found shut is asked for once with each transport, not without end.
        let is_asked_for = |who: &&ParticipantId| self.shut.get(*who).is_none_or(|&it| it < 2);
        for who in accepted.iter().filter(is_asked_for) {
            let open = self.gates.get(who);
            let is_open = |source: &TrackSource| open.is_some_and(|it| it.contains(source));
            let mut shared = TrackSource::ALL.into_iter().filter(|it| is_for_everybody(*who, *it));
            assert!(shared.all(|source| is_open(&source)), "not recorded in spite of a yes of now");
        }
    }
}

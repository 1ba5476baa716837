//! The connection test: a transport a browser may try instead of joining. It stands in a room of
//! its own, carries nothing, and lives for seconds.

use std::time::Duration;

use axum::extract::ws::close_code;
use protocol::{ClientMessage, ErrorCode, ParticipantId, Redacted, RequestId, ServerMessage};
use sfu_core::{Command, Event, Frames, NegotiationId, RoomId};
use tokio::sync::mpsc;

use super::{End, Session, parse};
use crate::registry::Registry;
use crate::secret;

impl Session {
    /// Answers a `probe` and keeps its transport until the time is over or the browser goes.
    pub(super) async fn probe(&mut self, request_id: RequestId, offer: Redacted<String>) -> End {
        let Some(_place) = self.app.probes.enter(self.address) else {
            return End::Refused(ErrorCode::Overloaded);
        };
        let (sender, mut events) = mpsc::channel(PROBE_EVENTS);
        let Some(_trial) = Trial::open(self.app.registry.clone(), sender, offer) else {
            return End::Refused(ErrorCode::Overloaded);
        };
        self.app.metrics.probes.add_one();
        let clock = self.app.clock.clone();
        let deadline = clock.now() + PROBE_LIFETIME;
        let mut stopping = self.app.stopping.clone();
        loop {
            let message = tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => return End::Stopping,
                () = clock.sleep_until(deadline) => return End::Said(close_code::NORMAL),
                Some(event) = events.recv() => match answer_of(event) {
                    Some(Ok(sdp)) => {
                        ServerMessage::Answer { request_id, sdp, relay: self.app.relay_access() }
                    }
                    Some(Err(code)) => return End::Refused(code),
                    None => continue,
                },
                text = self.hear() => match text.map(|text| parse(&text)) {
                    Ok(Ok(ClientMessage::Ping {})) => ServerMessage::Pong {},
                    Ok(Ok(_)) => return End::Refused(ErrorCode::NotJoined),
                    Ok(Err(code)) => return End::Refused(code),
                    Err(end) => return end,
                },
            };
            if let Err(end) = self.say(&message).await {
                return end;
            }
        }
    }
}

/// What an event says of the offer; `None` for those that say nothing of it.
fn answer_of(event: Event) -> Option<Result<Redacted<String>, ErrorCode>> {
    if let Event::Negotiated { answer, .. } = event {
        return Some(Ok(answer));
    }
    matches!(event, Event::NegotiationFailed { .. }).then_some(Err(ErrorCode::OfferInvalid))
}

/// The transport of one test; ends when dropped, however its session ends.
struct Trial {
    registry: Registry,
    room: RoomId,
    participant: ParticipantId,
}

impl Trial {
    /// `None` when the media plane takes no more.
    fn open(
        registry: Registry,
        events: mpsc::Sender<Event>,
        offer: Redacted<String>,
    ) -> Option<Self> {
        let participant = ParticipantId::from_bytes(secret::random());
        let room = registry.next_room();
        registry.add_route(participant, events);
        let trial = Self { registry, room, participant };
        let media = &trial.registry.shared().media;
        media
            .send(room, Command::AddTransport { participant, room, frames: Frames::Clear })
            .ok()?;
        let negotiation = NegotiationId(1);
        let negotiate = Command::Negotiate { participant, negotiation, offer, publish: vec![] };
        media.send(room, negotiate).ok()?;
        Some(trial)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.registry.remove_route(self.participant);
        self.registry.shared().media.remove_transport(self.room, self.participant);
    }
}

/// Time for one test. A path is found within two seconds or not at all; longer lets tests hold
/// the few places there are.
const PROBE_LIFETIME: Duration = Duration::from_secs(15);

/// Events of one test that may wait: one is its answer, the others are not looked at.
const PROBE_EVENTS: usize = 16;

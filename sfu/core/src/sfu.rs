//! All rooms and transports of one worker. Only dispatches: what to do with a datagram, a command
//! or a deadline is decided in the files it is handed to.

mod moved;
mod negotiation;
mod recording;
mod shared_port;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use protocol::ParticipantId;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::command::{Command, Event, Frames, RoomId};
use crate::demux::{DatagramClass, Demux, TransportKey};
use crate::egress::{Egress, Outlet};
use crate::member::Member;
use crate::packet::RtpView;
use crate::path::Path;
use crate::recording::Captured;
use crate::router::{Members, Router};
use crate::rtcp::{self, Rtcp};
use crate::settings::Settings;
use crate::stats::{DropCause, Stats};
use crate::timers::Timers;
use crate::transport::{Check, IceError, OpenError, SrtpError, TransportChange};
use moved::Moves;

/// The media plane of one worker: told the time, handed datagrams and commands, polled for
/// datagrams and events. See the crate's page for how to drive it.
pub struct Sfu {
    settings: Settings,
    random: StdRng,
    demux: Demux,
    moves: Moves,
    members: Vec<Option<Member>>,
    by_participant: HashMap<ParticipantId, TransportKey>,
    routers: BTreeMap<RoomId, Router>,
    timers: Timers,
    egress: Egress,
    egress_handed_out: bool,
    events: VecDeque<Event>,
    /// For the recorder.
    captured: Captured,
    stats: Stats,
    room_in_hand: Option<RoomId>,
    /// Rooms with packets that nobody got yet.
    rooms_with_batch: Vec<RoomId>,
}

impl Sfu {
    /// Without rooms or transports.
    pub fn new(settings: Settings) -> Self {
        let random = StdRng::from_seed(settings.seed);
        Self {
            settings,
            random,
            demux: Demux::default(),
            moves: Moves::default(),
            members: Vec::new(),
            by_participant: HashMap::new(),
            routers: BTreeMap::new(),
            timers: Timers::default(),
            egress: Egress::default(),
            egress_handed_out: false,
            events: VecDeque::new(),
            captured: Captured::default(),
            stats: Stats::default(),
            room_in_hand: None,
            rooms_with_batch: Vec::new(),
        }
    }

    /// Addresses written into answers from now on, in place of those of the settings.
    pub fn set_candidates(&mut self, candidates: Vec<SocketAddr>) {
        self.settings.candidates = candidates;
    }

    /// Takes one datagram, which it decrypts in place. Never fails: what is of no use is counted
    /// and dropped. At most [`Sfu::MAX_BATCH`] datagrams may come between two polls for egress.
    pub fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        self.begin();
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += datagram.len() as u64;
        let outcome = match DatagramClass::of(datagram) {
            Some(DatagramClass::Rtp) => self.handle_rtp(now, path, datagram),
            Some(DatagramClass::Rtcp) => self.handle_rtcp(now, path, datagram),
            Some(DatagramClass::Stun) => self.handle_stun(now, path, datagram),
            Some(DatagramClass::Dtls) => self.handle_dtls(now, path, datagram),
            None => Err(DropCause::UnknownClass),
        };
        if let Err(cause) = outcome {
            self.stats.dropped.count(cause);
        }
    }

    /// Most datagrams that may be handed in before [`Sfu::poll_egress`] is called; media beyond
    /// that is dropped. Raising it makes bursts and the buffer they need larger.
    pub const MAX_BATCH: usize = 256;

    /// Does what the control plane asks.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        self.begin();
        match command {
            Command::AddTransport { participant, room, frames } => {
                self.add(participant, room, frames);
            }
            Command::SetEpochGate { participant, from } => {
                self.with_router(now, participant, |router, key, members| {
                    router.set_epoch_gate(now, key, from, members);
                });
            }
            Command::Negotiate { participant, negotiation, offer, publish } => {
                self.negotiate(now, participant, negotiation, &offer, &publish);
            }
            Command::SetPublishing { participant, source, active } => {
                self.with_router(now, participant, |router, key, members| {
                    router.set_publishing(now, key, source, active, members);
                });
                let key = self.by_participant.get(&participant).copied();
                self.tell_speakers(now, key.and_then(|key| room_of(&self.members, key)));
            }
            Command::SetReception { participant, saving } => {
                self.with_router(now, participant, |router, key, members| {
                    router.set_reception(now, key, saving, members);
                });
            }
            Command::Subscribe { participant, slots } => {
                self.with_router(now, participant, |router, key, members| {
                    router.subscribe(now, key, slots, members);
                });
            }
            Command::RemoveTransport { participant } => {
                if let Some(key) = self.by_participant.get(&participant).copied() {
                    self.remove(now, key);
                }
            }
            Command::StartRecording { room, recording } => self.start_recording(room, recording),
            Command::SetRecordable { participant, recording, sources } => {
                self.set_recordable(now, participant, recording, &sources);
            }
            Command::EraseRecorded { room, participant } => {
                self.erase_recorded(now, room, participant);
            }
            Command::StopRecording { room, recording } => {
                self.stop_recording(room, |running| running == recording);
            }
        }
    }

    /// Does what has become due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.begin();
        while let Some(key) = self.timers.pop_due(now) {
            let Some(member) = self.members.get_mut(key.0).and_then(Option::as_mut) else {
                continue;
            };
            self.room_in_hand = Some(member.room);
            let change = member
                .transport
                .as_mut()
                .and_then(|transport| transport.handle_timeout(now, &mut self.egress));
            if let Some(router) = self.routers.get_mut(&member.room) {
                let out = &mut Outlet { egress: &mut self.egress, stats: &mut self.stats };
                router.report_to_publisher(now, member, out);
                router.pace(now, member, out);
            }
            let room = member.room;
            if let Some(router) = self.routers.get_mut(&room) {
                router.poll_demand(now, &self.members);
                router.poll_wishes(now, &mut self.members);
                self.events.extend(router.take_events());
            }
            self.tell_speakers(now, Some(room));
            self.report(now, key, change);
            self.schedule(now, key);
        }
    }

    /// When to call [`Sfu::handle_timeout`] and [`Sfu::poll_egress`] at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.timers.next(), self.held_until()].into_iter().flatten().min()
    }

    /// Until when packets of a picture wait for the others, if any do: less than a millisecond.
    pub fn held_until(&self) -> Option<Instant> {
        let routers = self.rooms_with_batch.iter().filter_map(|room| self.routers.get(room));
        routers.filter_map(Router::batch_due).min()
    }

    /// The next thing to tell the control plane.
    pub fn poll_output(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is to be sent now; to be called after each batch of input until it gives `None`, and when
    /// what is held has waited for long enough. What one call gave is forgotten by the next call of anything.
    pub fn poll_egress(&mut self, now: Instant) -> Option<&Egress> {
        self.begin();
        let mut at = 0;
        while let Some(room) = self.rooms_with_batch.get(at).copied() {
            self.room_in_hand = Some(room);
            let Some(router) = self.routers.get_mut(&room) else {
                self.rooms_with_batch.swap_remove(at);
                continue;
            };
            if router.batch_due().is_some_and(|due| due > now) {
                at += 1;
                continue;
            }
            let out = &mut Outlet { egress: &mut self.egress, stats: &mut self.stats };
            if !router.fan_out(now, &mut self.members, out) {
                break;
            }
            for (member, at) in router.take_wishes() {
                self.timers.schedule(member, at);
            }
            router.poll_demand(now, &self.members);
            router.poll_wishes(now, &mut self.members);
            self.events.extend(router.take_events());
            self.rooms_with_batch.swap_remove(at);
        }
        if self.egress.is_empty() {
            return None;
        }
        self.egress_handed_out = true;
        for transmit in self.egress.transmits() {
            self.stats.datagrams_out += transmit.bytes.len().div_ceil(transmit.segment) as u64;
            self.stats.runs_out += 1;
            self.stats.bytes_out += transmit.bytes.len() as u64;
        }
        Some(&self.egress)
    }

    /// Counters until now.
    pub fn stats(&self) -> Stats {
        let transports = || self.members.iter().flatten();
        let is_connected = |member: &&Member| {
            member.transport.as_ref().is_some_and(|transport| transport.is_connected())
        };
        Stats {
            rooms: self.routers.len() as u64,
            transports: transports().count() as u64,
            transports_connected: transports().filter(is_connected).count() as u64,
            ..self.stats
        }
    }

    /// Says goodbye to everybody; the goodbyes wait in [`Sfu::poll_egress`].
    pub fn close(&mut self, now: Instant) {
        self.begin();
        for key in (0..self.members.len()).map(TransportKey) {
            self.remove(now, key);
        }
    }

    /// To be called when a call of another function here panicked: ends the room that was being
    /// served, so that the others go on, and says which in [`Event::RoomFailed`].
    pub fn handle_fault(&mut self, now: Instant) {
        self.stats.faults += 1;
        self.egress.clear();
        let Some(room) = self.room_in_hand.take() else {
            return;
        };
        let Some(router) = self.routers.get(&room) else {
            return;
        };
        for key in router.members().to_vec() {
            self.remove(now, key);
        }
        self.events.push_back(Event::RoomFailed { room });
    }

    fn begin(&mut self) {
        self.room_in_hand = None;
        if std::mem::take(&mut self.egress_handed_out) {
            self.egress.clear();
        }
    }

    fn handle_rtp(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &mut [u8],
    ) -> Result<(), DropCause> {
        let (key, member, has_moved) = self.owner(now, path, datagram.get(8..12))?;
        let header_len =
            RtpView::parse_header(datagram).map_err(|_| DropCause::Malformed)?.header_len();
        let room = member.room;
        let transport = member.transport.as_mut().ok_or(DropCause::NoKeys)?;
        let (len, change) =
            transport.open_rtp(now, path, datagram, header_len).map_err(drop_cause)?;
        self.stats.packets_in += 1;
        if has_moved {
            self.ask_at(now, path, key);
        }
        self.report(now, key, change);
        let Some((router, member)) = self.routers.get_mut(&room).zip(self.members[key.0].as_mut())
        else {
            return Ok(());
        };
        let (packet, captured) = (&mut datagram[..len], &mut self.captured);
        let outcome =
            router.handle_packet(now, &mut member.publisher, packet, captured, &mut self.stats);
        if router.list_batch() {
            self.rooms_with_batch.push(room);
        }
        if let Some(at) = member.publisher.poll_timeout() {
            self.timers.schedule(key, at);
        }
        if let Some(at) = outcome? {
            self.timers.schedule(key, at);
        }
        Ok(())
    }

    fn handle_rtcp(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &mut [u8],
    ) -> Result<(), DropCause> {
        let (key, member, has_moved) = self.owner(now, path, datagram.get(4..8))?;
        let room = member.room;
        let transport = member.transport.as_mut().ok_or(DropCause::NoKeys)?;
        let (len, change) = transport.open_rtcp(now, path, datagram).map_err(drop_cause)?;
        let may_report = transport.may_report(now, len);
        if has_moved {
            self.ask_at(now, path, key);
        }
        self.report(now, key, change);
        if !may_report {
            return Err(DropCause::ReportFlood);
        }
        let compound = rtcp::parse(&datagram[..len]).map_err(|_| DropCause::Malformed)?;
        let Some(router) = self.routers.get_mut(&room) else {
            return Ok(());
        };
        let members = &mut self.members;
        let out = &mut Outlet { egress: &mut self.egress, stats: &mut self.stats };
        let mut wants_key_frame = false;
        for packet in compound {
            match packet {
                Rtcp::SenderReport { ssrc, info, .. } => {
                    router.handle_sender_report(now, key, ssrc, info, members, out);
                }
                Rtcp::Nack { media_ssrc, lost } => {
                    router.retransmit(now, key, media_ssrc, lost, members, out);
                }
                Rtcp::KeyFrameRequest { media_ssrcs } => {
                    for ssrc in media_ssrcs {
                        out.stats.key_frame_requests_in += 1;
                        router.want_key_frame(now, key, ssrc, members);
                        wants_key_frame = true;
                    }
                }
                // Ends of sources show by their silence, which works for lost goodbyes too.
                Rtcp::Goodbye { .. } => {}
                Rtcp::ReceiverReport { blocks, .. } => {
                    if let Some(member) = members[key.0].as_mut() {
                        member.subscriber.handle_reception(now, blocks);
                    }
                }
                Rtcp::TransportFeedback(feedback) => {
                    if let Some(member) = members[key.0].as_mut() {
                        member.subscriber.handle_feedback(now, &feedback, out.stats);
                    }
                }
            }
        }
        if wants_key_frame {
            self.wake_publishers(Some(room));
        }
        Ok(())
    }

    fn handle_stun(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Result<(), DropCause> {
        if matches!(datagram, [1, 1, ..]) {
            return self.handle_answer(now, path, datagram);
        }
        let check = Check::parse(datagram).map_err(|_| DropCause::CheckMalformed)?;
        let ufrag = check.local_ufrag().ok_or(DropCause::CheckMalformed)?;
        let key = self.demux.find_ufrag(ufrag).ok_or(DropCause::CheckUnknownUser)?;
        let may_bind = self.demux.may_bind(now, path, key);
        let member = self.members[key.0].as_mut().ok_or(DropCause::CheckUnknownUser)?;
        self.room_in_hand = Some(member.room);
        let transport = member.transport.as_mut().ok_or(DropCause::CheckUnknownUser)?;
        if !may_bind {
            return Err(DropCause::CheckAddressTaken);
        }
        let (answer, change) =
            transport.handle_check(now, path, check).map_err(|error| match error {
                IceError::Malformed => DropCause::CheckMalformed,
                IceError::NotAuthentic => DropCause::CheckNotAuthentic,
            })?;
        self.egress.push(path, &answer.response);
        if let Some(evicted) = answer.evicted {
            self.demux.unbind(evicted, key);
        }
        if answer.accepted {
            self.demux.bind(now, path, key);
        }
        self.report(now, key, change);
        Ok(())
    }

    fn handle_dtls(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Result<(), DropCause> {
        let key = self.demux.find(path).ok_or(DropCause::UnknownPath)?;
        let member = self.members[key.0].as_mut().ok_or(DropCause::UnknownPath)?;
        self.room_in_hand = Some(member.room);
        let transport = member.transport.as_mut().ok_or(DropCause::UnknownPath)?;
        let change = transport.handle_dtls(now, path, datagram, &mut self.egress);
        if change == Some(TransportChange::Connected) {
            self.stats.handshakes_completed += 1;
        }
        self.report(now, key, change);
        self.schedule(now, key);
        Ok(())
    }

    /// Lets the router of a participant's room do something, and wakes publishers it concerns.
    fn with_router(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        act: impl FnOnce(&mut Router, TransportKey, &mut Members),
    ) {
        let Some(key) = self.by_participant.get(&participant).copied() else {
            return;
        };
        let Some(member) = self.members[key.0].as_ref() else {
            return;
        };
        self.room_in_hand = Some(member.room);
        if let Some(router) = self.routers.get_mut(&member.room) {
            act(router, key, &mut self.members);
            router.expire_demand();
            router.poll_demand(now, &self.members);
            router.poll_wishes(now, &mut self.members);
            self.events.extend(router.take_events());
            self.wake_publishers(room_of(&self.members, key));
        }
    }

    /// Sees to it that publishers are asked for what their subscribers need.
    fn wake_publishers(&mut self, room: Option<RoomId>) {
        let Some(router) = room.and_then(|room| self.routers.get_mut(&room)) else {
            return;
        };
        for (publisher, at) in router.deadlines() {
            self.timers.schedule(publisher, at);
        }
    }

    fn add(&mut self, participant: ParticipantId, room: RoomId, frames: Frames) {
        if self.by_participant.contains_key(&participant) {
            return;
        }
        let is_other = self.routers.get(&room).is_some_and(|router| router.frames() != frames);
        if is_other || self.by_participant.len() >= MAX_TRANSPORTS {
            self.events.push_back(Event::TransportFailed { participant });
            return;
        }
        let free = self.members.iter().position(Option::is_none);
        let key = TransportKey(free.unwrap_or_else(|| {
            self.members.push(None);
            self.members.len() - 1
        }));
        self.members[key.0] = Some(Member::new(participant, room, frames));
        self.by_participant.insert(participant, key);
        let (max_voices, scalable) = (self.settings.max_voices, self.settings.scalable);
        let router = || Router::new(max_voices, scalable, frames);
        self.routers.entry(room).or_insert_with(router).add(key);
    }

    /// The one end of a transport, whatever the reason.
    fn remove(&mut self, now: Instant, key: TransportKey) {
        let Some(mut member) = self.members.get_mut(key.0).and_then(Option::take) else {
            return;
        };
        self.by_participant.remove(&member.participant);
        self.timers.remove(key);
        self.moves.forget(key);
        if let Some(transport) = &mut member.transport {
            self.demux.remove_ufrag(&transport.local_ice().ufrag);
            for path in transport.paths() {
                self.demux.unbind(path, key);
            }
            transport.close(now, &mut self.egress);
        }
        if let Some(router) = self.routers.get_mut(&member.room) {
            router.remove(now, key, member.participant, &mut self.members);
            if router.members().is_empty() {
                self.stop_recording(member.room, |_| true);
                self.routers.remove(&member.room);
            }
        }
        self.tell_speakers(now, Some(member.room));
    }

    /// Says who speaks in a room, if that has changed.
    fn tell_speakers(&mut self, now: Instant, room: Option<RoomId>) {
        if let Some(room) = room
            && let Some(router) = self.routers.get_mut(&room)
            && let Some(participants) = router.poll_speakers(now)
        {
            self.events.push_back(Event::Speakers { room, participants });
        }
    }

    fn report(&mut self, now: Instant, key: TransportKey, change: Option<TransportChange>) {
        let (Some(change), Some(member)) = (change, self.members[key.0].as_ref()) else {
            return;
        };
        let (participant, room) = (member.participant, member.room);
        if change == TransportChange::Connected
            && let Some(router) = self.routers.get_mut(&room)
        {
            router.connected(now, key, &mut self.members);
            router.expire_demand();
            self.wake_publishers(Some(room));
        }
        self.events.push_back(match change {
            TransportChange::Connected => Event::Connected { participant },
            TransportChange::Disconnected => Event::Disconnected { participant },
            TransportChange::Failed => Event::TransportFailed { participant },
        });
        self.schedule(now, key);
    }

    /// Sees to it that a member is woken for whatever it waits for.
    fn schedule(&mut self, now: Instant, key: TransportKey) {
        let Some(member) = self.members.get(key.0).and_then(Option::as_ref) else {
            return;
        };
        let Some(transport) = &member.transport else {
            return;
        };
        let mut deadlines = [transport.poll_timeout(), None, None, None];
        if transport.is_connected() {
            deadlines[1] = member.publisher.poll_timeout();
            deadlines[2] = self
                .routers
                .get_mut(&member.room)
                .and_then(|router| router.poll_timeout(&member.publisher));
            deadlines[3] = member.subscriber.poll_timeout();
        }
        if let Some(at) = deadlines.into_iter().flatten().min() {
            // Never the present instant: what cannot be done now must not keep the worker busy.
            self.timers.schedule(key, at.max(now + SHORTEST_WAIT));
        }
    }
}

/// Transports of one worker. One core is busy long before; raising it lets idle ones hold more
/// memory.
const MAX_TRANSPORTS: usize = 4_096;

/// Least time between two wake-ups of one transport. Raising it delays feedback, lowering it
/// costs wake-ups.
pub(crate) const SHORTEST_WAIT: Duration = Duration::from_millis(1);

impl std::fmt::Debug for Sfu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sfu").field("stats", &self.stats).finish_non_exhaustive()
    }
}

fn room_of(members: &Members, key: TransportKey) -> Option<RoomId> {
    members.get(key.0)?.as_ref().map(|member| member.room)
}

fn drop_cause(error: OpenError) -> DropCause {
    match error {
        OpenError::NoKeys => DropCause::NoKeys,
        OpenError::Srtp(SrtpError::Malformed | SrtpError::Cipher) => DropCause::Malformed,
        OpenError::Srtp(SrtpError::WrongTag) => DropCause::WrongTag,
        OpenError::Srtp(SrtpError::Replayed) => DropCause::Replayed,
        OpenError::Srtp(SrtpError::TooManySources) => DropCause::TooManySources,
    }
}

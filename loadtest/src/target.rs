//! Servers that can be tested. A target makes rooms; a room has seats; a seat says how its media
//! connections are to be made. Everything above knows no server, everything below no measurement.

mod janus;
mod preau;
mod process;
mod session;
mod tls;

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use protocol::TrackSource;
use thiserror::Error;

use crate::e2ee::Shield;
use crate::measure::Meter;
use crate::participant::Identity;
use crate::postmark::Postmarks;
use crate::rtp::ExtensionIds;

pub(crate) use janus::Janus;
pub(crate) use preau::{Preau, RoomLink, metrics};
pub(crate) use process::{Ground, ServerProcess, free_port, pin_self};

/// Why a target cannot be tested.
#[derive(Debug, Error)]
pub enum TargetError {
    /// No connection.
    #[error("the server at {0} does not answer: {1}")]
    Unreachable(String, String),
    /// It answered something that cannot be understood.
    #[error("the server answered {0} with something this program does not understand: {1}")]
    Answer(&'static str, String),
    /// It refused.
    #[error("the server refused {0}: {1}")]
    Refused(&'static str, String),
    /// It was there and is no more.
    #[error("the server went away")]
    Gone,
    /// It could not be started.
    #[error("cannot start {0}: {1}")]
    Start(String, String),
    /// The generator itself has no more of something.
    #[error("this machine has no more {0}: {1}")]
    Exhausted(&'static str, String),
}

/// A kind of server.
#[async_trait]
pub(crate) trait Target: Send + Sync {
    /// Its name in reports.
    fn name(&self) -> &'static str;
    /// Whether receivers are told when packets were sent.
    fn hands_times_through(&self) -> bool;
    /// Makes a room for so many participants, end-to-end encrypted or not.
    async fn open_room(
        &self,
        seats: usize,
        is_encrypted: bool,
    ) -> Result<Box<dyn Room>, TargetError>;
}

/// A place to meet.
#[async_trait]
pub(crate) trait Room: Send + Sync {
    /// Enters, noting the steps of the join in the wish's meter.
    async fn enter(&self, wish: Wish) -> Result<Box<dyn Seat>, TargetError>;
}

/// What one participant wants of a room.
#[derive(Clone)]
pub(crate) struct Wish {
    pub(crate) sends: Vec<TrackSource>,
    pub(crate) sound_slots: usize,
    pub(crate) picture_slots: usize,
    /// Whether sound is really decoded.
    pub(crate) listens: bool,
    /// Whether redundant sound is offered.
    pub(crate) red: bool,
    /// Where send times are noted that the server does not hand through.
    pub(crate) postmarks: Option<Postmarks>,
    /// Whether it stands on an independent implementation of everything.
    pub(crate) is_complete: bool,
    /// Where on this machine its packets come from, when that matters.
    pub(crate) from: Option<IpAddr>,
    pub(crate) seed: u64,
    pub(crate) identity: Identity,
    /// What seals and opens its frames, in an encrypted room.
    pub(crate) shield: Option<Shield>,
    pub(crate) meter: Meter,
}

/// One participant's place in a room.
#[async_trait]
pub(crate) trait Seat: Send {
    /// The first media connection, unless there is nothing to send yet; asked again, new credentials
    /// of ICE for the same one.
    async fn connect(&mut self) -> Result<Option<Negotiated>, TargetError>;
    /// The answer to an offer that an independent stack wrote, for targets that take one
    /// connection for everything.
    async fn answer_to(&mut self, _: &str, _: &[SendSpec]) -> Result<String, TargetError> {
        let only = "this kind of server is tested with light ones only".to_owned();
        Err(TargetError::Refused("complete participants", only))
    }
    /// What those sent who were in the room before, where it was not made by this program.
    fn present(&self) -> &[Feed] {
        &[]
    }
    /// Says that what is sent may be forwarded; gives what others may watch.
    async fn publish(&mut self) -> Result<Feed, TargetError>;
    /// Chooses what the slots carry from now on.
    async fn watch(&mut self, watched: &[Watched]) -> Result<Watching, TargetError>;
    /// Opens the session again after it was cut, from this address and with this certificate, as the
    /// same participant where the server still knows them. Given up half-way it can be called again.
    async fn come_back(&mut self, _: Option<IpAddr>, _: &Identity) -> Result<Return, TargetError> {
        Err(TargetError::Refused("to come back", "nobody does to this kind of server".to_owned()))
    }
    /// Waits for word of the server, keeping the session alive meanwhile. May be dropped and
    /// called again.
    async fn next_event(&mut self) -> Result<SeatEvent, TargetError>;
    /// Leaves in order.
    async fn leave(self: Box<Self>);
}

/// As what somebody came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Return {
    /// As the same participant, whose media connection may live: [`Seat::connect`] looks for a path
    /// anew.
    Resumed,
    /// To a server or a room that knows nothing of an earlier media connection.
    Anew,
}

/// What a server says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SeatEvent {
    /// Nothing that matters here.
    Nothing,
    /// Only these layers of a source are watched by anybody; the only one of a source without
    /// simulcast has an empty name.
    LayersWanted(TrackSource, Vec<String>),
}

/// What a participant publishes, under a name the target understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Feed {
    pub(crate) name: String,
    pub(crate) sources: Vec<TrackSource>,
}

/// One source of somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) feed: String,
    pub(crate) source: TrackSource,
    /// Where the source stands among all of that feed.
    pub(crate) section: usize,
    /// Lines at which a picture is shown.
    pub(crate) max_height: Option<u16>,
}

/// What became of a choice.
pub(crate) enum Watching {
    /// The slots there are carry it.
    Done,
    /// It comes on a connection of its own, to be made now.
    Connect(Negotiated),
    /// The connection that carries it has these slots from now on.
    Slots(Vec<SlotSpec>),
}

/// All a media connection needs.
#[derive(Clone, Debug)]
pub(crate) struct Negotiated {
    pub(crate) ice: IceCredentials,
    /// Where to.
    pub(crate) address: SocketAddr,
    /// Where to over TCP, if there.
    pub(crate) tcp: Option<SocketAddr>,
    /// Payload type of redundant sound, where that is agreed on.
    pub(crate) redundant: Option<u8>,
    pub(crate) ids: ExtensionIds,
    pub(crate) sends: Vec<SendSpec>,
    pub(crate) slots: Vec<SlotSpec>,
    /// The number of what is sent here, as slots of others name it.
    pub(crate) feed: Option<u64>,
}

/// What connectivity checks need.
#[derive(Clone, Debug)]
pub(crate) struct IceCredentials {
    /// User name of checks: theirs, a colon, ours.
    pub(crate) user: String,
    /// Theirs.
    pub(crate) password: String,
    /// Ours.
    pub(crate) own_password: String,
    /// Whether this side offered.
    pub(crate) controls: bool,
}

/// A receiving section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlotSpec {
    pub(crate) mid: String,
    pub(crate) is_video: bool,
    pub(crate) ssrc: u32,
    pub(crate) repair_ssrc: Option<u32>,
    /// Whose it carries, where the target says so and never changes it.
    pub(crate) feed: Option<u64>,
}

/// A sending section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SendSpec {
    pub(crate) source: TrackSource,
    pub(crate) mid: String,
    pub(crate) layers: Vec<LayerSpec>,
    pub(crate) payload_type: u8,
    pub(crate) repair_payload_type: Option<u8>,
    /// Of redundant sound, where that is agreed on.
    pub(crate) redundant_payload_type: Option<u8>,
}

/// One encoding of what is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LayerSpec {
    /// Empty without simulcast.
    pub(crate) rid: &'static str,
    pub(crate) ssrc: u32,
    pub(crate) repair_ssrc: u32,
}

//! One room's tracks and subscriptions, and the way of a packet from one to the others.

mod publisher;
mod subscriber;

pub(crate) use publisher::Publisher;
pub(crate) use subscriber::Subscriber;

use crate::demux::TransportKey;

/// The forwarding side of one room.
#[derive(Default)]
pub(crate) struct Router {
    members: Vec<TransportKey>,
}

impl Router {
    /// Lets a participant take part.
    pub(crate) fn add(&mut self, member: TransportKey) {
        self.members.push(member);
    }

    /// Ends a participant's part.
    pub(crate) fn remove(&mut self, member: TransportKey) {
        self.members.retain(|other| *other != member);
    }

    /// Everybody who takes part, in the order they came.
    pub(crate) fn members(&self) -> &[TransportKey] {
        &self.members
    }
}

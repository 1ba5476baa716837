//! What goes between one participant's part in the circle, the server, and whatever seals frames.

use std::collections::BTreeSet;

use crate::ParticipantId;
use crate::circle::{GROUP_ID_BYTES, Refused};

/// A circle's id.
pub type GroupId = [u8; GROUP_ID_BYTES];

/// What the server says.
#[derive(Clone, Debug)]
pub enum Heard {
    /// Somebody is in the room.
    Present(ParticipantId),
    /// Somebody is not, any more.
    Gone(ParticipantId),
    /// Somebody waits to be added.
    Wanted {
        /// Who.
        participant: ParticipantId,
        /// By what.
        key_package: Vec<u8>,
    },
    /// A commit was accepted.
    Committed {
        /// Of which circle.
        group: GroupId,
        /// The epoch that begins with it.
        epoch: u64,
        /// The commit.
        commit: Vec<u8>,
        /// Whose.
        by: ParticipantId,
    },
    /// How to become a member.
    Welcome {
        /// Of which circle.
        group: GroupId,
        /// The Welcome.
        welcome: Vec<u8>,
    },
    /// Everybody has the keys of that epoch.
    AllReady {
        /// Of which circle.
        group: GroupId,
        /// Which epoch.
        epoch: u64,
    },
    /// The circle is gone.
    Lost,
    /// The line was cut, and is back: what was said meanwhile is lost.
    Back {
        /// Who is in the room.
        present: BTreeSet<ParticipantId>,
        /// The circle there is, and its epoch.
        circle: Option<(GroupId, u64)>,
    },
    /// A request was granted.
    Done(u32),
    /// A request was refused.
    NotDone(u32),
}

/// What is said to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    /// Makes a circle.
    Create {
        /// Its id.
        group: GroupId,
    },
    /// Waits to be added.
    KeyPackage {
        /// By this.
        key_package: Vec<u8>,
    },
    /// Moves the circle on.
    Commit {
        /// Which.
        group: GroupId,
        /// From this epoch.
        epoch: u64,
        /// By this.
        commit: Vec<u8>,
        /// For those it adds.
        welcome: Option<Vec<u8>>,
        /// Them.
        added: Vec<ParticipantId>,
        /// Whose leaf it removes.
        removed: Vec<ParticipantId>,
    },
    /// Asks for the commits after an epoch.
    Resume {
        /// Of which circle.
        group: GroupId,
        /// Which epoch.
        epoch: u64,
    },
    /// Has the keys.
    Ready {
        /// Of this circle.
        group: GroupId,
        /// And epoch.
        epoch: u64,
    },
}

/// Keys of one epoch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EpochKeys {
    /// One's own leaf.
    pub leaf: u16,
    /// Which epoch.
    pub epoch: u64,
    /// Of its frames.
    pub base_key: [u8; 16],
}

impl std::fmt::Debug for EpochKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { leaf, epoch, .. } = self;
        f.debug_struct("EpochKeys")
            .field("leaf", leaf)
            .field("epoch", epoch)
            .finish_non_exhaustive()
    }
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Something is to be said, under this number.
    Say(u32, Say),
    /// Frames of this epoch can be opened from now on.
    Open(EpochKeys),
    /// Frames are to be sealed in this epoch from now on.
    Seal(EpochKeys),
    /// No longer a member: nothing is to be sent or opened.
    Outside,
    /// Something was refused that the server handed on; it is begun anew.
    Broken(Refused),
}

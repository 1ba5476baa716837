//! Watching the media core at work from outside: what it allocates, how long it takes.

use std::fmt;

/// A part of the core's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// What the control plane asks.
    Command,
    /// A datagram of ICE, DTLS or nonsense.
    Connecting,
    /// A packet of sound or pictures.
    Packet,
    /// A report of a receiver or a sender.
    Report,
    /// Finishing a batch.
    Egress,
    /// What was due.
    Timers,
}

impl Work {
    /// What a datagram asks for, by its first two bytes (RFC 7983, RFC 5761 section 4).
    pub fn of(datagram: &[u8]) -> Self {
        match datagram {
            [128..192, second, ..] if (192..224).contains(second) => Self::Report,
            [128..192, ..] => Self::Packet,
            _ => Self::Connecting,
        }
    }
}

/// Measures steps of the core's work, each of which it must carry out exactly once.
pub trait Meter: fmt::Debug {
    /// Carries out `step` and notes what it cost.
    fn measure(&mut self, work: Work, step: &mut dyn FnMut());
}

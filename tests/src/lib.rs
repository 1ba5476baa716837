//! The harness of the behaviour tests: a virtual clock, a network of seeded faults, and browsers
//! without a screen, around the real media core; and what the fuzz targets do.

#[cfg(feature = "browser")]
mod browser;
#[cfg(feature = "browser")]
mod classroom;
#[cfg(feature = "browser")]
mod content;
pub mod fuzz;
#[cfg(feature = "browser")]
mod meeting;
#[cfg(feature = "browser")]
mod meter;
#[cfg(feature = "browser")]
mod network;
mod random;
#[cfg(feature = "browser")]
mod recordings;
mod stun;
pub mod webm;

#[cfg(feature = "browser")]
pub use browser::{Browser, Fingerprint, ReceiveSlot, Received, Section};
#[cfg(feature = "browser")]
pub use classroom::Classroom;
#[cfg(feature = "browser")]
pub use content::{Content, Place};
#[cfg(feature = "browser")]
pub use meeting::{Meeting, SERVER, Seat, WirePacket};
#[cfg(feature = "browser")]
pub use meter::{Meter, Work};
#[cfg(feature = "browser")]
pub use network::{Bottleneck, Datagram, Link, Network};
pub use random::Random;
#[cfg(feature = "browser")]
pub use recordings::Recorded;
pub use stun::connectivity_check;

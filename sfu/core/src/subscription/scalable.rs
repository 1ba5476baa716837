//! Layers within one encoding: what of it goes out on a slot.

use super::Subscription;
use crate::codec::FrameInfo;
use crate::command::Frames;
use crate::dependency::{self, DecodeTarget, Mandatory};
use crate::packet::RtpView;
use crate::router::{Described, Layer};
use crate::svc::{self, Outgoing};

/// A packet that goes out.
#[derive(Clone, Copy)]
pub(crate) enum Admitted<'a> {
    /// As it is.
    Plain,
    /// With its dependency descriptor.
    Described { descriptor: &'a [u8], out: Outgoing },
}

impl<'a> Admitted<'a> {
    /// Whether it is the last packet of its picture here, though it was not where it came from.
    pub(super) fn ends_picture(self) -> bool {
        matches!(self, Self::Described { out: Outgoing { ends_picture: true, .. }, .. })
    }

    /// Its descriptor, and the number its frame has on the slot.
    pub(super) fn descriptor(self) -> Option<(&'a [u8], u16)> {
        match self {
            Self::Plain => None,
            Self::Described { descriptor, out } => Some((descriptor, out.frame_number)),
        }
    }
}

impl Subscription {
    /// Whether a packet is of the layers that go out. Its descriptor decides where it has one,
    /// which may have been read before; else what its payload says.
    pub(super) fn admit<'a>(
        &mut self,
        from: &Layer,
        packet: &'a [u8],
        (info, described): (&FrameInfo, Option<&Described>),
        timestamp: u32,
        begins: bool,
    ) -> Option<Admitted<'a>> {
        let descriptor = from.scalable.as_ref().and_then(|scalable| {
            let descriptor = RtpView::parse_header(packet).ok()?.extension(scalable.id)?;
            Some((scalable, descriptor))
        });
        let Some((scalable, descriptor)) = descriptor else {
            if self.frames_are == Frames::Raw && self.is_video {
                return None;
            }
            return self.temporal.passes(info, timestamp, begins).then_some(Admitted::Plain);
        };
        let read;
        let frame = match described.and_then(|described| described.frame(scalable)) {
            Some(frame) => frame,
            // What follows an earlier structure belongs before a key frame that went by.
            None => {
                read = dependency::parse(descriptor, Some(&scalable.structure)).ok()?.0;
                &read
            }
        };
        let wanted = DecodeTarget {
            spatial: svc::worth(self.max_height).min(self.within),
            temporal: self.temporal.limited_to(),
        };
        let out = self.frames.passes(frame, &scalable.structure, timestamp, wanted, begins)?;
        Some(Admitted::Described { descriptor, out })
    }

    /// A packet that went out under this number before, to go out again in the same way.
    pub(crate) fn admitted_before<'a>(
        &self,
        sequence: u16,
        from: &Layer,
        packet: &RtpView<'a>,
    ) -> Admitted<'a> {
        let sequence = self.numbers.extended(sequence);
        let shift = self.frame_shifts.at(sequence).unwrap_or(self.frames.shift());
        let described = from.scalable.as_ref().and_then(|scalable| {
            let descriptor = packet.extension(scalable.id)?;
            let mandatory = Mandatory::parse(descriptor).ok()?;
            Some((descriptor, self.frames.again(mandatory, &scalable.structure, shift)))
        });
        match described {
            Some((descriptor, out)) => Admitted::Described { descriptor, out },
            None => Admitted::Plain,
        }
    }

    /// Whether another layer of the encoding is wanted, to which only a key frame leads.
    pub(crate) fn needs_key_frame(&self) -> bool {
        self.current.is_some() && self.frames.needs_key_frame()
    }
}

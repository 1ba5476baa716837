//! What a media payload says about itself before its frame begins: codecs and their descriptors.

/// A codec this server forwards. It decodes none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CodecKind {
    /// Sound (RFC 7587).
    Opus,
    /// Picture (RFC 7741).
    Vp8,
    /// Picture (RFC 9628), profile 0.
    Vp9,
    /// Picture (AV1 RTP specification 1.0), profile 0.
    Av1,
    /// Picture (RFC 6184), baseline, packetization mode 1.
    H264,
}

impl CodecKind {
    /// Every codec in the order of preference written into answers.
    pub const ALL: [Self; 5] = [Self::Opus, Self::Vp8, Self::Vp9, Self::Av1, Self::H264];

    /// Ticks of the RTP timestamp per second.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Vp8 | Self::Vp9 | Self::Av1 | Self::H264 => 90_000,
        }
    }

    /// True for pictures, false for sound.
    pub const fn is_video(self) -> bool {
        !matches!(self, Self::Opus)
    }
}

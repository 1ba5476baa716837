//! What a recording holds, as whoever may open it reads it.

use protocol::{ParticipantId, RecordingId, TrackSource};
use serde::Serialize;
use sfu_core::Frames;
use sfu_core::codec::CodecKind;

use super::track::RecordedTrack;

/// The text of `manifest.age`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) recording: RecordingId,
    /// Seconds since 1970.
    pub(crate) started_at: u64,
    pub(crate) tracks: Vec<TrackEntry>,
    /// Seconds since 1970; nothing while it runs, or if the server was killed.
    pub(crate) ended: Option<u64>,
}

/// One track.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrackEntry {
    /// Name of its folder.
    number: u32,
    person: ParticipantId,
    source: TrackSource,
    codec: &'static str,
    /// How the participants encrypted it: as SFrame (RFC 9605) in the codec's own payloads, or raw.
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted: Option<&'static str>,
    /// Of the first picture, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u16>,
    /// Of the first frame, since the recording began.
    start_ms: u64,
}

impl TrackEntry {
    /// Of a track that has a frame.
    pub(crate) fn of(number: u32, track: &RecordedTrack) -> Option<Self> {
        let opened = track.opened()?;
        Some(Self {
            number,
            person: track.id.participant,
            source: track.id.source,
            codec: match track.codec {
                CodecKind::Opus => "opus",
                CodecKind::Vp8 => "vp8",
                CodecKind::Vp9 => "vp9",
                CodecKind::Av1 => "av1",
                CodecKind::H264 => "h264",
            },
            encrypted: match opened.frames {
                Frames::Clear => None,
                Frames::Plain => Some("plain"),
                Frames::Raw => Some("raw"),
            },
            width: opened.size.map(|(width, _)| width),
            height: opened.size.map(|(_, height)| height),
            start_ms: opened.start_ms,
        })
    }
}

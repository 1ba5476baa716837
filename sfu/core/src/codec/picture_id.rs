//! The numbers of a picture as VP8 and VP9 write them (RFC 7741 section 4.2, RFC 9628 section 4.2):
//! its own, of 7 bits or of 15 behind a set bit, and that of the base layer it belongs to.

use super::PictureIds;

const LONG: u8 = 0x80;

/// Where both stand in a payload that reaches behind them.
#[derive(Clone, Copy, Default)]
pub(super) struct Places {
    pub(super) picture_id: Option<PictureId>,
    pub(super) tl0_picture_index: Option<usize>,
}

impl Places {
    /// The numbers.
    pub(super) fn read(self, payload: &[u8]) -> PictureIds {
        PictureIds {
            picture_id: self.picture_id.map(|id| id.read(payload)),
            tl0_picture_index: self.tl0_picture_index.map(|at| payload[at]),
        }
    }

    /// Writes those over them that there are, on both sides.
    pub(super) fn write(self, payload: &mut [u8], ids: PictureIds) {
        if let (Some(place), Some(id)) = (self.picture_id, ids.picture_id) {
            place.write(payload, id);
        }
        if let (Some(at), Some(index)) = (self.tl0_picture_index, ids.tl0_picture_index) {
            payload[at] = index;
        }
    }
}

/// Where the number of a picture stands in a payload.
#[derive(Clone, Copy)]
pub(super) struct PictureId {
    at: usize,
    is_long: bool,
}

impl PictureId {
    /// The number that begins at `at`.
    pub(super) fn find(payload: &[u8], at: usize) -> Option<Self> {
        Some(Self { at, is_long: payload.get(at)? & LONG != 0 })
    }

    /// Its bytes.
    pub(super) fn len(self) -> usize {
        if self.is_long { 2 } else { 1 }
    }

    /// The number; `payload` must reach behind it.
    pub(super) fn read(self, payload: &[u8]) -> u16 {
        if self.is_long {
            u16::from_be_bytes([payload[self.at] & !LONG, payload[self.at + 1]])
        } else {
            payload[self.at].into()
        }
    }

    /// Writes a number over it, as far as it has room.
    pub(super) fn write(self, payload: &mut [u8], id: u16) {
        let [high, low] = id.to_be_bytes();
        if self.is_long {
            payload[self.at] = high | LONG;
            payload[self.at + 1] = low;
        } else {
            payload[self.at] = low & !LONG;
        }
    }
}

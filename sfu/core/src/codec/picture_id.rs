//! The number of a picture as VP8 and VP9 write it: 7 bits, or 15 behind a set bit (RFC 7741
//! section 4.2, RFC 9628 section 4.2).

const LONG: u8 = 0x80;

/// Where it stands in a payload.
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

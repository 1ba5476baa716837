//! Transport-wide congestion control feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1), the reading side.

use super::RtcpError;

/// Most packets one feedback may tell about: 100 ms of 40,000 packets a second. Raised, a hostile
/// few bytes make their reader work longer.
const MAX_STATUSES: u16 = 4_096;

const FIXED_BYTES: usize = 8;
/// Arrival times count in quarters of a millisecond.
const TICK_US: i64 = 250;
/// The reference time counts in multiples of 64 ms.
const REFERENCE_US: i64 = 64_000;

/// When packets arrived at the other side, by transport-wide sequence number.
#[derive(Clone, Copy, Debug)]
pub struct TransportFeedback<'a> {
    /// Number of this feedback, modulo 2^8; a gap means that one was lost.
    pub feedback_count: u8,
    base_sequence: u16,
    status_count: u16,
    reference_us: i64,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    /// Reads what follows the two sources of the feedback packet.
    pub(super) fn parse(control: &'a [u8]) -> Result<Self, RtcpError> {
        let (fixed, rest) =
            control.split_first_chunk::<FIXED_BYTES>().ok_or(RtcpError::TooShort)?;
        let status_count = u16::from_be_bytes([fixed[2], fixed[3]]);
        if status_count == 0 || status_count > MAX_STATUSES {
            return Err(RtcpError::Content);
        }
        // 24 bits with sign.
        let reference = i32::from_be_bytes([fixed[4], fixed[5], fixed[6], 0]) >> 8;
        let mut tail = rest;
        let mut left = status_count;
        let mut delta_bytes = 0;
        while left > 0 {
            let (chunk, behind) = tail.split_first_chunk::<2>().ok_or(RtcpError::TooShort)?;
            let (count, bytes) =
                Chunk::read(u16::from_be_bytes(*chunk)).sum(left).ok_or(RtcpError::Content)?;
            left -= count;
            delta_bytes += bytes;
            tail = behind;
        }
        let (chunks, deltas) = rest.split_at(rest.len() - tail.len());
        if deltas.len() < delta_bytes {
            return Err(RtcpError::TooShort);
        }
        Ok(Self {
            feedback_count: fixed[7],
            base_sequence: u16::from_be_bytes([fixed[0], fixed[1]]),
            status_count,
            reference_us: i64::from(reference) * REFERENCE_US,
            chunks,
            deltas,
        })
    }

    /// Each packet told about, in order of its number.
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            sequence: self.base_sequence,
            time_us: self.reference_us,
            statuses: Statuses {
                chunks: self.chunks,
                left: self.status_count,
                chunk: Chunk::EMPTY,
            },
            deltas: self.deltas,
        }
    }
}

/// Walk over the packets of one feedback: transport-wide sequence number, and arrival time on the
/// other side's clock in microseconds, or `None` when it did not arrive.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals<'a> {
    sequence: u16,
    time_us: i64,
    statuses: Statuses<'a>,
    deltas: &'a [u8],
}

impl Iterator for Arrivals<'_> {
    type Item = (u16, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        let status = self.statuses.next()?;
        let (delta, rest) = self.deltas.split_at_checked(status.delta_bytes()?)?;
        self.deltas = rest;
        let ticks = match *delta {
            [] => None,
            [small] => Some(i64::from(small)),
            [high, low, ..] => Some(i64::from(i16::from_be_bytes([high, low]))),
        };
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let arrival = ticks.map(|ticks| {
            self.time_us += ticks * TICK_US;
            self.time_us
        });
        Some((sequence, arrival))
    }
}

/// Two bits about one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Status(u8);

impl Status {
    /// Length of the arrival delta; `None` for the reserved status.
    fn delta_bytes(self) -> Option<usize> {
        match self.0 {
            0..=2 => Some(usize::from(self.0)),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Statuses<'a> {
    chunks: &'a [u8],
    left: u16,
    chunk: Chunk,
}

/// What is left of one chunk.
#[derive(Clone, Copy, Debug)]
enum Chunk {
    Run {
        status: Status,
        left: u16,
    },
    /// Statuses of `width` bits each, the next one highest.
    Vector {
        bits: u16,
        width: u8,
        left: u8,
    },
}

impl Chunk {
    const EMPTY: Self = Self::Run { status: Status(0), left: 0 };

    fn read(chunk: u16) -> Self {
        if chunk & 0x8000 == 0 {
            return Self::Run { status: Status((chunk >> 13) as u8), left: chunk & 0x1fff };
        }
        let width = if chunk & 0x4000 == 0 { 1 } else { 2 };
        Self::Vector { bits: chunk << 2, width, left: 14 / width }
    }

    /// How many statuses it has, `most` at most, and the bytes of their arrival deltas; `None` when a
    /// reserved one is among them. A run of thousands is counted in one step.
    fn sum(mut self, most: u16) -> Option<(u16, usize)> {
        if let Self::Run { status, left } = self {
            let count = left.min(most);
            let each = if count == 0 { 0 } else { status.delta_bytes()? };
            return Some((count, usize::from(count) * each));
        }
        let (mut count, mut bytes) = (0, 0);
        while count < most
            && let Some(status) = self.take()
        {
            count += 1;
            bytes += status.delta_bytes()?;
        }
        Some((count, bytes))
    }

    fn take(&mut self) -> Option<Status> {
        match self {
            Self::Run { left: 0, .. } | Self::Vector { left: 0, .. } => None,
            Self::Run { status, left } => {
                *left -= 1;
                Some(*status)
            }
            Self::Vector { bits, width, left } => {
                let status = Status((*bits >> (16 - *width)) as u8);
                *bits <<= *width;
                *left -= 1;
                Some(status)
            }
        }
    }
}

impl Statuses<'_> {
    fn next(&mut self) -> Option<Status> {
        if self.left == 0 {
            return None;
        }
        loop {
            if let Some(status) = self.chunk.take() {
                self.left -= 1;
                return Some(status);
            }
            let (chunk, rest) = self.chunks.split_first_chunk::<2>()?;
            self.chunks = rest;
            self.chunk = Chunk::read(u16::from_be_bytes(*chunk));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes of chunks and of deltas, found by looking at each status.
    fn walked(chunks: &[u8], count: u16) -> Result<(usize, usize), RtcpError> {
        let mut statuses = Statuses { chunks, left: count, chunk: Chunk::EMPTY };
        let mut bytes = 0;
        while statuses.left > 0 {
            let status = statuses.next().ok_or(RtcpError::TooShort)?;
            bytes += status.delta_bytes().ok_or(RtcpError::Content)?;
        }
        Ok((chunks.len() - statuses.chunks.len(), bytes))
    }

    proptest! {
        #[test]
        fn counting_chunk_by_chunk_finds_what_looking_at_each_status_does(
            count in 1..=MAX_STATUSES,
            chunks in prop::collection::vec(
                // Short runs and long ones, of any status; vectors of either width.
                prop_oneof![0..0x8000_u16, (0..4_u16, 0..20_u16).prop_map(|(status, run)| status << 13 | run), 0x8000..=u16::MAX],
                0..40,
            ),
            deltas in 0..10_000_usize,
        ) {
            let [high, low] = count.to_be_bytes();
            let mut control = vec![0, 0, high, low, 0, 0, 0, 0];
            control.extend(chunks.iter().flat_map(|chunk| chunk.to_be_bytes()));
            control.resize(control.len() + deltas, 0);
            let expected = walked(&control[FIXED_BYTES..], count).and_then(|(chunks, bytes)| {
                let left = control.len() - FIXED_BYTES - chunks;
                if left < bytes { Err(RtcpError::TooShort) } else { Ok((chunks, left)) }
            });
            let found = TransportFeedback::parse(&control);
            let found = found.map(|feedback| (feedback.chunks.len(), feedback.deltas.len()));
            prop_assert_eq!(found, expected);
        }
    }
}
